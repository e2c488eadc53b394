#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <mesh/options.hpp>
#include <nlohmann/json.hpp>
#include <support/child_process.hpp>
#include <support/coroutine.hpp>
#include <support/temp_dir.hpp>

namespace mesh::test {

/// A run of meshctl with its output in files.
class Meshctl {
 public:
  /// `environment` is set in addition, of which MESHCTL_KEY may be part.
  explicit Meshctl(std::vector<std::string> arguments,
                   std::map<std::string, std::string> environment = {},
                   const std::string& standard_input = {})
      : process_(options(std::move(arguments), std::move(environment), standard_input)) {}

  /// Waits without blocking this thread, and returns the exit status; -1 if it did not end.
  asio::awaitable<int> ended() {
    const auto has_ended = [this] { return process_.exit_status().has_value(); };
    if (!co_await eventually(has_ended, std::chrono::seconds(60))) co_return -1;
    co_return process_.exit_status()->code.value_or(-1);
  }
  void interrupt() { process_.signal(2); }

  std::string out() const { return process_.output(); }
  std::string err() const { return read_file(directory_.path() / "err"); }
  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    std::istringstream text(out());
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }
  /// Each line as JSON; one that is none makes it throw.
  std::vector<nlohmann::json> objects() const {
    std::vector<nlohmann::json> objects;
    for (const std::string& line : lines()) objects.push_back(nlohmann::json::parse(line));
    return objects;
  }

 private:
  ProcessOptions options(std::vector<std::string> arguments,
                         std::map<std::string, std::string> environment,
                         const std::string& standard_input) const {
    environment.emplace("MESHCTL_KEY", "");
    environment["MESH_TEST_ERR"] = directory_.path() / "err";
    environment["MESH_TEST_IN"] = standard_input;
    ProcessOptions options;
    options.command = {"/bin/sh", "-c",
                       "printf %s \"$MESH_TEST_IN\" >\"$MESH_TEST_ERR.in\"; "
                       "exec \"$0\" \"$@\" <\"$MESH_TEST_ERR.in\" 2>\"$MESH_TEST_ERR\"",
                       MESH_TEST_MESHCTL};
    options.command.insert(options.command.end(), arguments.begin(), arguments.end());
    options.environment = std::move(environment);
    options.output = directory_.path() / "out";
    return options;
  }

  TempDir directory_;
  ChildProcess process_;
};

/// As a user would write it.
inline std::string url_of(const RedisOptions& redis) {
  std::string login;
  if (!redis.password.empty()) login = redis.username + ":" + redis.password + "@";
  if (!redis.cluster.empty()) return "redis+cluster://" + login + redis.cluster;
  return "redis://" + login + redis.host + ":" + std::to_string(redis.port);
}

}  // namespace mesh::test
