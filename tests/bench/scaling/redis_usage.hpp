#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <support/redis_probe.hpp>

namespace mesh::bench {

/// How often a command ran, and how long in all.
struct CommandUse {
  std::int64_t calls = 0;
  std::int64_t microseconds = 0;
};
using CommandUses = std::map<std::string, CommandUse>;

/// What Redis has used since it was started, or between two moments.
struct RedisUsage {
  double cpu_microseconds = 0;
  std::int64_t input_bytes = 0;
  std::int64_t output_bytes = 0;
  CommandUses commands{};  ///< By name, those that scripts call included; without INFO.

  RedisUsage since(const RedisUsage& earlier) const;
  void add(const RedisUsage& other);
  /// 0 if it has not run.
  std::int64_t calls_of(const std::string& command) const;
};

RedisUsage redis_usage(test::RedisProbe& probe);

/// What Redis has at a moment.
struct RedisHoldings {
  std::int64_t connections = 0;
  std::int64_t memory_bytes = 0;
};

RedisHoldings redis_holdings(test::RedisProbe& probe);

/// While it lives, Redis notes every command; this slows it down.
class CommandLog {
 public:
  explicit CommandLog(test::RedisProbe& probe);
  ~CommandLog();
  CommandLog(const CommandLog&) = delete;
  CommandLog& operator=(const CommandLog&) = delete;

  /// What nodes have sent so far: scripts by their own names, other commands by theirs. Commands
  /// that scripts call are not among them, provided that nodes send only scripts and PING.
  CommandUses sent();

 private:
  test::RedisProbe& probe_;
  std::map<std::string, std::string> script_names_;  // by digest
};

}  // namespace mesh::bench
