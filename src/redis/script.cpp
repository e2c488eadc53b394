#include <redis/script.hpp>

#include <utility>

namespace mesh::redis {

namespace {

Command make_call(std::string_view name, const std::string& script,
                  const std::vector<std::string>& keys, const std::vector<std::string>& arguments) {
  const std::string count = std::to_string(keys.size());
  std::vector<std::string_view> words{name, script, count};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), arguments.begin(), arguments.end());
  return Command(words);
}

bool is_forgotten(const Outcome& outcome) {
  return outcome.reply.is_error() && outcome.reply.text.starts_with("NOSCRIPT");
}

}  // namespace

asio::awaitable<Outcome> Script::execute(Client& client, std::vector<std::string> keys,
                                         std::vector<std::string> arguments, TimePoint deadline,
                                         Priority priority) {
  if (digest_.empty()) {
    Command load{"SCRIPT", "LOAD", source_};
    const Reply digest = co_await client.request(std::move(load), deadline, priority);
    digest_ = digest.text;
  }
  Command by_digest = make_call("EVALSHA", digest_, keys, arguments);
  Outcome outcome = co_await client.execute(std::move(by_digest), deadline, priority);
  if (is_forgotten(outcome)) {
    Command by_source = make_call("EVAL", source_, keys, arguments);
    outcome = co_await client.execute(std::move(by_source), deadline, priority);
  }
  co_return outcome;
}

asio::awaitable<Reply> Script::run(Client& client, std::vector<std::string> keys,
                                   std::vector<std::string> arguments, TimePoint deadline,
                                   Priority priority) {
  Outcome outcome =
      co_await execute(client, std::move(keys), std::move(arguments), deadline, priority);
  co_return client.require_reply(std::move(outcome), "script");
}

}  // namespace mesh::redis
