#include <redis/handshake.hpp>

namespace mesh::redis {

std::vector<Command> handshake_commands(const RedisOptions& options) {
  std::vector<Command> commands;
  if (!options.username.empty()) {
    commands.push_back({"AUTH", options.username, options.password});
  } else if (!options.password.empty()) {
    commands.push_back({"AUTH", options.password});
  }
  if (options.database != 0) commands.push_back({"SELECT", std::to_string(options.database)});
  if (!options.sentinel_host.empty()) commands.push_back({"ROLE"});
  // Without any other command this shows that it is Redis and lets us in.
  if (commands.empty()) commands.push_back({"PING"});
  return commands;
}

std::optional<std::string> handshake_objection(const Command& command, const Reply& reply) {
  if (reply.is_error()) return command.front() + " was refused: " + reply.text;
  if (command.front() != "ROLE") return std::nullopt;
  if (reply.elements.empty() || reply.elements.front().text != "master") {
    return std::string("the server Sentinel named is not a master (yet)");
  }
  return std::nullopt;
}

}  // namespace mesh::redis
