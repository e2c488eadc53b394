#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <mesh/options.hpp>
#include <nlohmann/json.hpp>

struct redisContext;

namespace mesh::test {

/// Redis answered with an error, or did not answer.
class RedisProbeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What INFO tells about commands; their names are in lower case.
class CommandStats {
 public:
  explicit CommandStats(std::string text) : text_(std::move(text)) {}

  std::int64_t calls(const std::string& command) const { return field(command, "calls"); }
  std::int64_t refusals(const std::string& command) const {
    return field(command, "rejected_calls");
  }

 private:
  /// 0 for a command that has not been called.
  std::int64_t field(const std::string& command, const std::string& name) const;

  std::string text_;
};

/// A plain blocking connection to Redis, for set-up and assertions. If its options name a cluster,
/// it is one to the node that their host and port name.
class RedisProbe {
 public:
  using Command = std::vector<std::string>;

  /// Connects to the host or unix socket of the options, with their user, password and database;
  /// ignores their Sentinel.
  explicit RedisProbe(const RedisOptions& options,
                      std::chrono::milliseconds timeout = std::chrono::seconds(10));
  ~RedisProbe();
  RedisProbe(RedisProbe&&) noexcept;
  RedisProbe& operator=(RedisProbe&&) noexcept;

  const RedisOptions& options() const { return options_; }

  /// Another connection: in a cluster to the primary that has the key or the sharded channel.
  RedisProbe at_primary_of(const std::string& name);

  /// The reply as JSON: null, a number, a string, or an array of these.
  nlohmann::json command(const Command& arguments);
  std::int64_t integer(const Command& arguments);
  std::string text(const Command& arguments);
  std::vector<std::string> array(const Command& arguments);

  /// How often Redis has run each command, as of now.
  CommandStats command_stats();

  bool exists(const std::string& key);
  std::optional<std::string> get(const std::string& key);
  std::optional<std::string> hget(const std::string& key, const std::string& field);
  std::optional<double> zscore(const std::string& key, const std::string& member);
  std::vector<std::string> keys(const std::string& pattern = "*");
  /// Returns how many received it; in a cluster by way of the channel's primary.
  std::int64_t publish(const std::string& channel, const std::string& payload);
  std::int64_t subscribers(const std::string& channel);
  /// The server's clock.
  std::chrono::milliseconds time();

 private:
  struct FreeContext {
    void operator()(redisContext* context) const;
  };
  RedisOptions options_;
  std::unique_ptr<redisContext, FreeContext> context_;
};

}  // namespace mesh::test
