#include <meshctl/settings.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include <CLI/Error.hpp>

#include <config/redis_url.hpp>
#include <meshctl/failure.hpp>

namespace mesh::ctl {

using std::chrono::milliseconds;

milliseconds parse_duration(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double number = std::strtod(copy.c_str(), &end);
  const std::string unit(end);
  double factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s" || unit.empty()) factor = 1000;
  if (unit == "m") factor = 60000;
  const bool is_number = end != copy.c_str() && std::isfinite(number) && number >= 0;
  constexpr double longest = 24.0 * 3600 * 1000;
  if (!is_number || factor == 0 || number * factor > longest) {
    throw CLI::ValidationError("\"" + copy +
                               "\" is no duration of at most a day: write 500ms, 2s or 1m");
  }
  return milliseconds(std::llround(number * factor));
}

CLI::Option* add_duration(CLI::App& app, const std::string& name, milliseconds& value,
                          const std::string& description, milliseconds smallest) {
  const auto take = [&value, smallest](const std::string& text) {
    value = parse_duration(text);
    if (value < smallest) {
      throw CLI::ValidationError("must be at least " + std::to_string(smallest.count()) + "ms");
    }
  };
  const std::string shown = value.count() % 1000 == 0 ? std::to_string(value.count() / 1000) + "s"
                                                      : std::to_string(value.count()) + "ms";
  return app.add_option_function<std::string>(name, take, description)
      ->type_name("DURATION")
      ->default_str(shown);
}

void add_connection_options(CLI::App& app, Settings& settings) {
  constexpr const char* group = "Connection";
  const auto add = [&](const std::string& name, std::string& value, const char* type,
                       const std::string& description) {
    return app.add_option(name, value, description)->type_name(type)->group(group);
  };
  add("-u,--url", settings.url, "URL",
      "Redis: redis://, rediss://, redis+cluster:// or unix://; else the environment tells, "
      "MESH_REDIS_* before REDIS_*");
  add("-p,--prefix", settings.prefix, "NAME", "What the keys of the mesh begin with");
  add("--mutex-prefix", settings.mutex_prefix, "NAME",
      "What the key of the leader's lock begins with, if that is another one");
  add("-k,--key", settings.key, "NAME", "The mesh")->envname("MESHCTL_KEY");
  add("--sentinel", settings.sentinel, "HOST:PORT,...", "Sentinels that know where Redis is");
  add("--master", settings.master, "NAME", "The master's name for Sentinel, by default mymaster");
  add_duration(app, "-t,--timeout", settings.timeout,
               "How long to wait for an answer, or for a sign of life of its handler",
               milliseconds(1))
      ->group(group);
  app.add_flag("-v,--verbose", settings.is_verbose, "Log lines of the library to standard error")
      ->group(group);
}

namespace {

// Login and address belong together: what else the environment says of them is of another server.
void apply_url(const std::string& url, RedisOptions& redis) {
  const RedisOptions blank;
  redis.host = blank.host;
  redis.port = blank.port;
  redis.unix_socket.clear();
  redis.cluster.clear();
  redis.sentinel_host.clear();
  redis.username.clear();
  redis.password.clear();
  redis.database = 0;
  redis.tls = false;
  config::apply_redis_url(url, redis);
}

void apply(const Settings& settings, RedisOptions& redis) {
  if (!settings.url.empty()) apply_url(settings.url, redis);
  if (!settings.sentinel.empty()) {
    redis.cluster.clear();
    redis.sentinel_host = settings.sentinel;
  }
  if (!settings.master.empty()) redis.sentinel_name = settings.master;
  if (!settings.prefix.empty()) redis.prefix = settings.prefix;
  // Without a prefix of its own the lock has that of the mesh, as far as can be told from here.
  redis.application_name = redis.prefix;
  if (!settings.prefix.empty() && std::getenv("MUTEX_REDIS_PREFIX") == nullptr) {
    redis.mutex_prefix.clear();
  }
  if (!settings.mutex_prefix.empty()) redis.mutex_prefix = settings.mutex_prefix;
  redis.connect_timeout = std::min(redis.connect_timeout, settings.timeout);
  redis.validate();
}

}  // namespace

RedisOptions redis_options(const Settings& settings) {
  try {
    RedisOptions redis = RedisOptions::from_env("MESH");
    apply(settings, redis);
    return redis;
  } catch (const std::invalid_argument& error) {
    const bool is_of_url = !settings.url.empty();
    throw UsageError(error.what(), is_of_url ? "look at --url, such as redis://localhost:6379"
                                             : "give --url, or correct the variable");
  }
}

MeshOptions mesh_options(const Settings& settings) {
  if (settings.key.empty()) {
    throw UsageError("which mesh is meant?",
                     "give --key NAME or set MESHCTL_KEY; `meshctl doctor` lists the meshes");
  }
  MeshOptions options;
  options.redis = redis_options(settings);
  if (options.redis.prefix.empty()) {
    throw UsageError("what do the keys of the mesh begin with?",
                     "give --prefix NAME or set MESH_REDIS_PREFIX; by default it is the name that "
                     "the application gives itself, and `meshctl doctor` lists those in use");
  }
  options.request_timeout = settings.timeout;
  options.stop_timeout = std::chrono::seconds(2);
  options.can_lead = false;
  // What the environment says of an election belongs to what it says of the mesh.
  if (!settings.url.empty() || !settings.sentinel.empty()) options.leader_redis.reset();
  options.heartbeat_interval = std::chrono::seconds(1);  // so that who leaves unannounced is missed
  options.info.name = "meshctl";
  options.log = log_sink(settings);
  try {
    options.validate();
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what(), "correct the option or the variable that says so");
  }
  return options;
}

LogSink log_sink(const Settings& settings) {
  return settings.is_verbose ? stderr_log_sink(LogLevel::info) : null_log_sink();
}

}  // namespace mesh::ctl
