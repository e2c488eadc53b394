#include "redis_usage.hpp"

#include <scripts/acquire_leadership.lua.hpp>
#include <scripts/finish_report.lua.hpp>
#include <scripts/heartbeat.lua.hpp>
#include <scripts/list_nodes.lua.hpp>
#include <scripts/remove_dead_nodes.lua.hpp>
#include <scripts/renew_leadership.lua.hpp>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string_view>

namespace mesh::bench {

namespace {

constexpr std::string_view command_prefix = "cmdstat_";

/// The number behind `name` in a line such as "calls=5,usec=12,…".
std::int64_t number_behind(const std::string& line, const std::string& name) {
  const auto position = line.find(name);
  return position == std::string::npos ? 0 : std::stoll(line.substr(position + name.size()));
}

void add_line(const std::string& line, RedisUsage& usage) {
  if (line.starts_with("used_cpu_sys:") || line.starts_with("used_cpu_user:")) {
    usage.cpu_microseconds += 1e6 * std::stod(line.substr(line.find(':') + 1));
  } else if (line.starts_with(command_prefix)) {
    const std::string name =
        line.substr(command_prefix.size(), line.find(':') - command_prefix.size());
    if (name == "info") return;
    usage.commands[name] = {number_behind(line, "calls="), number_behind(line, ",usec=")};
  }
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

RedisUsage RedisUsage::since(const RedisUsage& earlier) const {
  RedisUsage result;
  result.cpu_microseconds = cpu_microseconds - earlier.cpu_microseconds;
  for (const auto& [name, use] : commands) {
    CommandUse difference = use;
    if (const auto before = earlier.commands.find(name); before != earlier.commands.end()) {
      difference.calls -= before->second.calls;
      difference.microseconds -= before->second.microseconds;
    }
    if (difference.calls > 0) result.commands[name] = difference;
  }
  return result;
}

RedisUsage redis_usage(test::RedisProbe& probe) {
  RedisUsage usage;
  for (const char* const section : {"cpu", "commandstats"}) {
    std::istringstream lines(probe.text({"INFO", section}));
    for (std::string line; std::getline(lines, line);) add_line(line, usage);
  }
  return usage;
}

CommandLog::CommandLog(test::RedisProbe& probe) : probe_(probe) {
  const std::map<std::string, std::string_view> scripts{
      {"acquire_leadership", scripts::acquire_leadership},
      {"renew_leadership", scripts::renew_leadership},
      {"heartbeat", scripts::heartbeat},
      {"list_nodes", scripts::list_nodes},
      {"remove_dead_nodes", scripts::remove_dead_nodes},
      {"finish_report", scripts::finish_report},
  };
  for (const auto& [name, source] : scripts) {
    script_names_[probe_.text({"SCRIPT", "LOAD", std::string(source)})] = name;
  }
  probe_.command({"CONFIG", "SET", "slowlog-max-len", "1000000"});
  probe_.command({"SLOWLOG", "RESET"});
  probe_.command({"CONFIG", "SET", "slowlog-log-slower-than", "0"});
}

CommandLog::~CommandLog() {
  try {
    probe_.command({"CONFIG", "SET", "slowlog-log-slower-than", "-1"});
    probe_.command({"SLOWLOG", "RESET"});
  } catch (const test::RedisProbeError&) {
    // It goes on noting.
  }
}

CommandUses CommandLog::sent() {
  CommandUses uses;
  for (const auto& entry : probe_.command({"SLOWLOG", "GET", "-1"})) {
    const auto& arguments = entry.at(3);
    std::string name = lower_case(arguments.at(0).get<std::string>());
    if (name == "evalsha") {
      const auto known = script_names_.find(arguments.at(1).get<std::string>());
      if (known != script_names_.end()) name = known->second;
    } else if (name != "ping") {
      continue;
    }
    ++uses[name].calls;
    uses[name].microseconds += entry.at(2).get<std::int64_t>();
  }
  return uses;
}

}  // namespace mesh::bench
