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
const std::string input_prefix = "total_net_input_bytes:";
const std::string output_prefix = "total_net_output_bytes:";

/// The number behind `name` in a line such as "calls=5,usec=12,…".
std::int64_t number_behind(const std::string& line, const std::string& name) {
  const auto position = line.find(name);
  return position == std::string::npos ? 0 : std::stoll(line.substr(position + name.size()));
}

void add_line(const std::string& line, RedisUsage& usage) {
  if (line.starts_with("used_cpu_sys:") || line.starts_with("used_cpu_user:")) {
    usage.cpu_microseconds += 1e6 * std::stod(line.substr(line.find(':') + 1));
  } else if (line.starts_with(input_prefix)) {
    usage.input_bytes += number_behind(line, input_prefix);
  } else if (line.starts_with(output_prefix)) {
    usage.output_bytes += number_behind(line, output_prefix);
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
  result.input_bytes = input_bytes - earlier.input_bytes;
  result.output_bytes = output_bytes - earlier.output_bytes;
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

void RedisUsage::add(const RedisUsage& other) {
  cpu_microseconds += other.cpu_microseconds;
  input_bytes += other.input_bytes;
  output_bytes += other.output_bytes;
  for (const auto& [name, use] : other.commands) {
    commands[name].calls += use.calls;
    commands[name].microseconds += use.microseconds;
  }
}

std::int64_t RedisUsage::calls_of(const std::string& command) const {
  const auto found = commands.find(command);
  return found == commands.end() ? 0 : found->second.calls;
}

RedisUsage redis_usage(test::RedisProbe& probe) {
  RedisUsage usage;
  for (const char* const section : {"cpu", "stats", "commandstats"}) {
    std::istringstream lines(probe.text({"INFO", section}));
    for (std::string line; std::getline(lines, line);) add_line(line, usage);
  }
  return usage;
}

RedisHoldings redis_holdings(test::RedisProbe& probe) {
  RedisHoldings holdings;
  holdings.connections = number_behind(probe.text({"INFO", "clients"}), "connected_clients:");
  holdings.memory_bytes = number_behind(probe.text({"INFO", "memory"}), "used_memory:");
  return holdings;
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
