#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <mesh/options.hpp>

namespace mesh::bench {

/// What all nodes of a run have in common, and which both programs take as arguments.
struct NodeOptions {
  static constexpr const char* mesh_key = "scaling";
  /// A name in the slot of the registry, where Redis is a cluster.
  static constexpr const char* registry_in_cluster = "{test:mesh:scaling}:nodes";

  std::uint16_t port = 0;        ///< Of Redis on 127.0.0.1.
  std::string cluster{};         ///< Not empty: Redis is that.
  bool has_short_times = false;  ///< A fifth of the library's default intervals.

  MeshOptions mesh_options() const {
    MeshOptions options;
    options.redis = RedisOptions{};
    options.redis.port = port;
    options.redis.cluster = cluster;
    options.redis.prefix = "test";
    options.redis.mutex_prefix = "test";
    // Thousands of connections are accepted at a time.
    options.redis.connect_timeout = std::chrono::minutes(2);
    options.request_timeout = std::chrono::minutes(10);
    options.leader.wait_after_data_loss = false;  // this Redis is new
    constexpr std::size_t many = 100'000;
    options.limits.concurrent_handlers = many;
    options.limits.pending_calls = many;
    options.log = stderr_log_sink(LogLevel::error);
    if (has_short_times) {
      for (auto* const time : {&options.heartbeat_interval, &options.node_ttl, &options.leader.ttl,
                               &options.leader.renewal_interval, &options.leader.retry_delay,
                               &options.redis.health_check_interval}) {
        *time /= 5;
      }
    }
    return options;
  }
};

}  // namespace mesh::bench
