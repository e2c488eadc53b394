#include <support/redis_probe.hpp>

#include <hiredis/hiredis.h>
#include <sys/time.h>

#include <cstddef>

#include <support/hiredis_connect.hpp>
#include <support/redis_reply.hpp>
#include <support/sigpipe_guard.hpp>

namespace mesh::test {

namespace {

using Json = nlohmann::json;

Json to_json(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      return reply.integer;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      return std::string(text_of(reply));
    case REDIS_REPLY_ERROR:
      throw RedisProbeError(std::string(text_of(reply)));
    case REDIS_REPLY_ARRAY: {
      Json elements = Json::array();
      for (std::size_t i = 0; i < reply.elements; ++i) {
        elements.push_back(to_json(*reply.element[i]));
      }
      return elements;
    }
    default:
      return nullptr;
  }
}

Json run(redisContext& context, const RedisProbe::Command& arguments) {
  const SigpipeGuard guard;
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& argument : arguments) {
    texts.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  const ReplyPointer reply(static_cast<redisReply*>(
      redisCommandArgv(&context, static_cast<int>(texts.size()), texts.data(), sizes.data())));
  if (!reply) throw RedisProbeError(arguments.at(0) + ": " + context.errstr);
  return to_json(*reply);
}

timeval to_timeval(std::chrono::milliseconds duration) {
  timeval result{};
  result.tv_sec = duration.count() / 1000;
  result.tv_usec = (duration.count() % 1000) * 1000;
  return result;
}

std::optional<std::string> to_optional(const Json& reply) {
  if (reply.is_null()) return std::nullopt;
  return reply.get<std::string>();
}

}  // namespace

redisContext* connect_blocking(const RedisOptions& options, std::chrono::milliseconds timeout) {
  const timeval limit = to_timeval(timeout);
  redisContext* context = options.unix_socket.empty()
                              ? redisConnectWithTimeout(options.host.c_str(), options.port, limit)
                              : redisConnectUnixWithTimeout(options.unix_socket.c_str(), limit);
  if (context == nullptr) throw RedisProbeError("out of memory");
  try {
    if (context->err != 0) throw RedisProbeError(context->errstr);
    redisSetTimeout(context, limit);
    if (!options.username.empty()) {
      run(*context, {"AUTH", options.username, options.password});
    } else if (!options.password.empty()) {
      run(*context, {"AUTH", options.password});
    }
    if (options.database != 0) run(*context, {"SELECT", std::to_string(options.database)});
  } catch (...) {
    redisFree(context);
    throw;
  }
  return context;
}

void RedisProbe::FreeContext::operator()(redisContext* context) const { redisFree(context); }

RedisProbe::RedisProbe(const RedisOptions& options, std::chrono::milliseconds timeout)
    : options_(options), context_(connect_blocking(options, timeout)) {}

RedisProbe::~RedisProbe() = default;
RedisProbe::RedisProbe(RedisProbe&&) noexcept = default;
RedisProbe& RedisProbe::operator=(RedisProbe&&) noexcept = default;

RedisProbe RedisProbe::at_primary_of(const std::string& name) {
  if (options_.cluster.empty()) return RedisProbe(options_);
  RedisOptions there = options_;
  try {
    exists(name);
  } catch (const RedisProbeError& error) {
    const std::string redirection = error.what();  // "MOVED slot host:port"
    if (!redirection.starts_with("MOVED ")) throw;
    const auto host = redirection.rfind(' ') + 1;
    const auto colon = redirection.rfind(':');
    there.host = redirection.substr(host, colon - host);
    there.port = static_cast<std::uint16_t>(std::stoi(redirection.substr(colon + 1)));
  }
  return RedisProbe(there);
}

Json RedisProbe::command(const Command& arguments) { return run(*context_, arguments); }

std::int64_t RedisProbe::integer(const Command& arguments) {
  return command(arguments).get<std::int64_t>();
}

std::string RedisProbe::text(const Command& arguments) {
  return command(arguments).get<std::string>();
}

CommandStats RedisProbe::command_stats() { return CommandStats(text({"INFO", "commandstats"})); }

std::int64_t CommandStats::field(const std::string& command, const std::string& name) const {
  const auto line = text_.find("cmdstat_" + command + ":");
  if (line == std::string::npos) return 0;
  const std::string stats = text_.substr(line, text_.find('\n', line) - line);
  const std::string label = name + "=";
  for (auto begin = stats.find(':'); begin != std::string::npos;
       begin = stats.find(',', begin + 1)) {
    if (stats.compare(begin + 1, label.size(), label) == 0) {
      return std::stoll(stats.substr(begin + 1 + label.size()));
    }
  }
  throw RedisProbeError("INFO commandstats does not tell " + name);
}

std::vector<std::string> RedisProbe::array(const Command& arguments) {
  return command(arguments).get<std::vector<std::string>>();
}

bool RedisProbe::exists(const std::string& key) { return integer({"EXISTS", key}) == 1; }

std::optional<std::string> RedisProbe::get(const std::string& key) {
  return to_optional(command({"GET", key}));
}

std::optional<std::string> RedisProbe::hget(const std::string& key, const std::string& field) {
  return to_optional(command({"HGET", key, field}));
}

std::optional<double> RedisProbe::zscore(const std::string& key, const std::string& member) {
  const auto score = to_optional(command({"ZSCORE", key, member}));
  if (!score) return std::nullopt;
  return std::stod(*score);
}

std::vector<std::string> RedisProbe::keys(const std::string& pattern) {
  return array({"KEYS", pattern});
}

std::int64_t RedisProbe::publish(const std::string& channel, const std::string& payload) {
  if (options_.cluster.empty()) return integer({"PUBLISH", channel, payload});
  return at_primary_of(channel).integer({"SPUBLISH", channel, payload});
}

std::int64_t RedisProbe::subscribers(const std::string& channel) {
  const auto reply = options_.cluster.empty()
                         ? command({"PUBSUB", "NUMSUB", channel})
                         : at_primary_of(channel).command({"PUBSUB", "SHARDNUMSUB", channel});
  return reply.at(1).get<std::int64_t>();
}

std::chrono::milliseconds RedisProbe::time() {
  const auto parts = array({"TIME"});
  return std::chrono::milliseconds(std::stoll(parts.at(0)) * 1000 + std::stoll(parts.at(1)) / 1000);
}

}  // namespace mesh::test
