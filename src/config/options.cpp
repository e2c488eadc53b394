#include <mesh/options.hpp>

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>

#include <config/number.hpp>

namespace mesh {

namespace {

using std::chrono::milliseconds;

[[noreturn]] void reject(const std::string& option, const std::string& expected) {
  throw std::invalid_argument(option + " " + expected);
}

void require_duration(const std::string& option, milliseconds value) {
  if (value < milliseconds(1) || value > config::longest_duration) {
    reject(option, "must be from 1 ms to 1 year");
  }
}

void require_longer(const std::string& option, milliseconds value, const std::string& other,
                    milliseconds shorter) {
  if (value <= shorter) reject(option, "must be longer than " + other);
}

void require_positive(const std::string& option, std::size_t value) {
  if (value == 0) reject(option, "must be at least 1");
}

}  // namespace

void RedisOptions::validate() const {
  if (tls) {
    reject("RedisOptions::tls",
           "must be false: this version has no TLS; use a local TLS proxy such as stunnel");
  }
  if (unix_socket.empty() && sentinel_host.empty()) {
    if (host.empty()) reject("RedisOptions::host", "must not be empty");
    if (port == 0) reject("RedisOptions::port", "must be from 1 to 65535");
  }
  if (!sentinel_host.empty()) {
    if (sentinel_port == 0) reject("RedisOptions::sentinel_port", "must be from 1 to 65535");
    if (sentinel_name.empty()) reject("RedisOptions::sentinel_name", "must not be empty");
  }
  if (!username.empty() && password.empty()) {
    reject("RedisOptions::password", "must be set where username is");
  }
  if (database < 0 || database > config::largest_database) {
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
  require_duration("MeshOptions::stop_timeout", stop_timeout);
  require_longer("MeshOptions::node_ttl", node_ttl, "heartbeat_interval", heartbeat_interval);
  leader.validate();
  redis.validate();
  require_positive("MeshLimits::message_size", limits.message_size);
  require_positive("MeshLimits::nesting_depth", limits.nesting_depth);
  require_positive("MeshLimits::pending_calls", limits.pending_calls);
  require_positive("MeshLimits::concurrent_handlers", limits.concurrent_handlers);
  require_positive("MeshLimits::remembered_requests", limits.remembered_requests);
  require_positive("MeshLimits::remembered_bytes", limits.remembered_bytes);
  require_positive("MeshLimits::queued_bytes", limits.queued_bytes);
  if (!log) reject("MeshOptions::log", "must not be empty; null_log_sink() drops all lines");
}

}  // namespace mesh
