#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <CLI/App.hpp>
#include <mesh/options.hpp>

namespace mesh::ctl {

/// What all commands share: where Redis is, and which mesh is meant.
struct Settings {
  std::string url{};
  std::string prefix{};
  std::string mutex_prefix{};
  std::string key{};
  std::string sentinel{};
  std::string master{};
  std::chrono::milliseconds timeout{10000};
  bool is_verbose = false;
};

/// Adds the options that fill in `settings`, which must outlive the app.
void add_connection_options(CLI::App& app, Settings& settings);

/// Such as "500ms", "2s" or "1.5m"; without a unit in seconds. Throws `CLI::ValidationError`.
std::chrono::milliseconds parse_duration(std::string_view text);

/// Adds an option for a duration that is as long as `smallest` at least.
CLI::Option* add_duration(CLI::App& app, const std::string& name, std::chrono::milliseconds& value,
                          const std::string& description, std::chrono::milliseconds smallest);

/// What the environment says of Redis, and over it the options. Throws `UsageError`.
RedisOptions redis_options(const Settings& settings);

/// Options of a node that serves nothing and never leads. Throws `UsageError` where the mesh's key
/// or prefix is missing.
MeshOptions mesh_options(const Settings& settings);

LogSink log_sink(const Settings& settings);

}  // namespace mesh::ctl
