#include <redis/script.hpp>

#include <iterator>
#include <utility>

namespace mesh::redis {

namespace {

Command make_call(std::string name, const std::string& script, std::vector<std::string> keys,
                  std::vector<std::string> arguments) {
  Command command{std::move(name), script, std::to_string(keys.size())};
  command.insert(command.end(), std::make_move_iterator(keys.begin()),
                 std::make_move_iterator(keys.end()));
  command.insert(command.end(), std::make_move_iterator(arguments.begin()),
                 std::make_move_iterator(arguments.end()));
  return command;
}

bool is_forgotten(const Outcome& outcome) {
  return outcome.reply.is_error() && outcome.reply.text.starts_with("NOSCRIPT");
}

}  // namespace

asio::awaitable<Reply> Script::run(Client& client, std::vector<std::string> keys,
                                   std::vector<std::string> arguments, TimePoint deadline) {
  if (digest_.empty()) {
    Command load{"SCRIPT", "LOAD", source_};
    const Reply digest = co_await client.request(std::move(load), deadline);
    digest_ = digest.text;
  }
  Command by_digest = make_call("EVALSHA", digest_, keys, arguments);
  Outcome outcome = co_await client.execute(std::move(by_digest), deadline);
  if (is_forgotten(outcome)) {
    Command by_source = make_call("EVAL", source_, std::move(keys), std::move(arguments));
    outcome = co_await client.execute(std::move(by_source), deadline);
  }
  co_return client.require_reply(std::move(outcome), "script");
}

}  // namespace mesh::redis
