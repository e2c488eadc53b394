#include <mesh/options.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include <config/host_list.hpp>
#include <config/number.hpp>

namespace mesh {

namespace {

constexpr bool has_tls = MESHSERVICE_TLS != 0;  // by the build

using std::chrono::milliseconds;

[[noreturn]] void reject(const std::string& option, const std::string& expected) {
  throw std::invalid_argument(option + " " + expected);
}

void require_duration(const std::string& option, milliseconds value) {
  if (value < milliseconds(1) || value > config::longest_duration) {
    reject(option, "must be from 1 ms to 1 year");
  }
}

void require_no_longer_than_a_year(const std::string& option, milliseconds value) {
  if (value < milliseconds::zero() || value > config::longest_duration) {
    reject(option, "must be from 0 ms to 1 year");
  }
}

void require_longer(const std::string& option, milliseconds value, const std::string& other,
                    milliseconds shorter) {
  if (value <= shorter) reject(option, "must be longer than " + other);
}

void require_positive(const std::string& option, std::size_t value) {
  if (value == 0) reject(option, "must be at least 1");
}

void require_short(const std::string& option, const std::string& text) {
  constexpr std::size_t longest = 256;
  if (text.size() > longest) reject(option, "must be of at most 256 bytes");
}

void require_usable_info(const ServiceInfo& info) {
  constexpr std::size_t most_labels = 64;
  require_short("ServiceInfo::name", info.name);
  require_short("ServiceInfo::version", info.version);
  if (info.labels.size() > most_labels) reject("ServiceInfo::labels", "must be at most 64");
  for (const auto& [name, text] : info.labels) {
    if (name.empty()) reject("ServiceInfo::labels", "must have names that are not empty");
    require_short("ServiceInfo::labels", name);
    require_short("ServiceInfo::labels", text);
  }
}

void require_usable_tls(const RedisOptions& options) {
  if (!has_tls) {
    reject("RedisOptions::tls",
           "must be false: this library was built with the CMake option MESHSERVICE_TLS off");
  }
  if (!options.unix_socket.empty() && options.sentinel_host.empty() && options.cluster.empty()) {
    reject("RedisOptions::tls", "must be false with a unix socket, which needs no TLS");
  }
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    reject(options.tls_cert.empty() ? "RedisOptions::tls_cert" : "RedisOptions::tls_key",
           "must be set: tls_cert and tls_key belong together");
  }
}

void require_host_list(const std::string& option, const std::string& list) {
  try {
    config::parse_host_list(list, config::redis_port);
  } catch (const std::invalid_argument& error) {
    reject(option, std::string("is wrong at ") + error.what());
  }
}

void require_usable_cluster(const RedisOptions& options) {
  require_host_list("RedisOptions::cluster", options.cluster);
  if (!options.sentinel_host.empty()) {
    reject("RedisOptions::sentinel_host", "must be empty with a cluster, which has no Sentinel");
  }
  if (options.database != 0) {
    reject("RedisOptions::database", "must be 0 with a cluster, which has no other");
  }
}

}  // namespace

const detail::EnvironmentProblem* RedisOptions::find_problem(std::string_view setting) const {
  const auto found = std::ranges::find(problems_, setting, &detail::EnvironmentProblem::setting);
  return found == problems_.end() ? nullptr : &*found;
}

void RedisOptions::refuse_problem(std::string_view setting) const {
  if (const auto* problem = find_problem(setting)) throw std::invalid_argument(problem->text);
}

void RedisOptions::validate() const {
  refuse_problem("TLS");  // which no value of the field can tell from a sound one
  if (tls) require_usable_tls(*this);
  if (unix_socket.empty() && host.empty() && cluster.empty()) refuse_problem("URL");
  if (!cluster.empty()) require_usable_cluster(*this);
  if (unix_socket.empty() && sentinel_host.empty() && cluster.empty()) {
    if (host.empty()) reject("RedisOptions::host", "must not be empty");
    if (port == 0) {
      refuse_problem("PORT");
      reject("RedisOptions::port", "must be from 1 to 65535");
    }
  }
  if (!sentinel_host.empty()) {
    if (sentinel_port == 0) {
      refuse_problem("SENTINEL_PORT");
      reject("RedisOptions::sentinel_port", "must be from 1 to 65535");
    }
    if (sentinel_name.empty()) reject("RedisOptions::sentinel_name", "must not be empty");
    require_host_list("RedisOptions::sentinel_host", sentinel_host);
  }
  if (!credentials && !sentinel_username.empty() && sentinel_password.empty()) {
    reject("RedisOptions::sentinel_password", "must be set where sentinel_username is");
  }
  if (!credentials && !username.empty() && password.empty()) {
    reject("RedisOptions::password", "must be set where username is");
  }
  if (database < 0 || database > config::largest_database) {
    refuse_problem("DB");
    reject("RedisOptions::database", "must be 0 or more");
  }
  require_duration("RedisOptions::connect_timeout", connect_timeout);
  require_duration("RedisOptions::reconnect_min_delay", reconnect_min_delay);
  require_duration("RedisOptions::reconnect_max_delay", reconnect_max_delay);
  require_duration("RedisOptions::health_check_interval", health_check_interval);
  if (reconnect_max_delay < reconnect_min_delay) {
    reject("RedisOptions::reconnect_max_delay", "must not be shorter than reconnect_min_delay");
  }
}

void LeaderOptions::validate() const {
  require_duration("LeaderOptions::ttl", ttl);
  require_duration("LeaderOptions::renewal_interval", renewal_interval);
  require_duration("LeaderOptions::retry_delay", retry_delay);
  require_longer("LeaderOptions::ttl", ttl, "renewal_interval", renewal_interval);
}

void MeshOptions::validate() const {
  require_duration("MeshOptions::heartbeat_interval", heartbeat_interval);
  require_duration("MeshOptions::node_ttl", node_ttl);
  require_duration("MeshOptions::request_timeout", request_timeout);
  require_no_longer_than_a_year("MeshOptions::start_timeout", start_timeout);
  require_duration("MeshOptions::stop_timeout", stop_timeout);
  require_no_longer_than_a_year("MeshOptions::drain_timeout", drain_timeout);
  require_longer("MeshOptions::node_ttl", node_ttl, "heartbeat_interval", heartbeat_interval);
  if (std::ranges::find(interceptors, nullptr) != interceptors.end()) {
    reject("MeshOptions::interceptors", "must not hold a null pointer");
  }
  require_usable_info(info);
  leader.validate();
  redis.validate();
  if (leader_redis) leader_redis->validate();
  require_positive("MeshLimits::message_size", limits.message_size);
  require_positive("MeshLimits::nesting_depth", limits.nesting_depth);
  require_positive("MeshLimits::pending_calls", limits.pending_calls);
  require_positive("MeshLimits::concurrent_handlers", limits.concurrent_handlers);
  require_duration("MeshLimits::queued_time", limits.queued_time);
  require_positive("MeshLimits::remembered_requests", limits.remembered_requests);
  require_positive("MeshLimits::remembered_bytes", limits.remembered_bytes);
  require_positive("MeshLimits::queued_bytes", limits.queued_bytes);
  if (!log) reject("MeshOptions::log", "must not be empty; null_log_sink() drops all lines");
}

}  // namespace mesh
