#include <redis/handshake.hpp>

#include <redis/reply_errors.hpp>

namespace mesh::redis {

RedisCredentials configured_credentials(const RedisOptions& options, RedisPeer peer) {
  if (peer == RedisPeer::redis) return {options.username, options.password};
  return {options.sentinel_username, options.sentinel_password};
}

std::vector<Command> auth_commands(const RedisCredentials& credentials) {
  const auto& [username, password] = credentials;
  if (!username.empty()) return {Command{"AUTH", username, password}};
  if (!password.empty()) return {Command{"AUTH", password}};
  return {};
}

std::vector<Command> handshake_commands(const RedisOptions& options) {
  std::vector<Command> commands = auth_commands(configured_credentials(options, RedisPeer::redis));
  if (options.database != 0)
    commands.push_back(Command{"SELECT", std::to_string(options.database)});
  if (!options.sentinel_host.empty()) commands.push_back(Command{"ROLE"});
  // Last: alone among these it is refused while Redis loads its data.
  commands.push_back(Command{"PING"});
  return commands;
}

std::optional<Objection> handshake_objection(const Command& command, const Reply& reply) {
  // A Redis that cannot save its data refuses PING, as it does what writes, but passes messages on.
  if (command.name() == "PING" && is_disk_error(reply)) return std::nullopt;
  if (reply.is_error()) {
    // Where there is no such command, what follows are its arguments, such as the password.
    const std::string cause = reply.text.substr(0, reply.text.find(", with args"));
    return Objection{std::string(command.name()) + " was refused: " + cause,
                     is_passing_refusal(reply)};
  }
  if (command.name() != "ROLE") return std::nullopt;
  if (reply.elements.empty() || reply.elements.front().text != "master") {
    return Objection{"the server Sentinel named is not a master (yet)", true};
  }
  return std::nullopt;
}

}  // namespace mesh::redis
