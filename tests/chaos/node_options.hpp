#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <mesh/options.hpp>

namespace mesh::chaos {

/// What a chaos_node is told on its command line.
struct NodeOptions {
  std::string name;  ///< Unique within the run, over restarts too.
  std::string log;   ///< File of the event log.
  std::string key = "chaos";
  std::size_t members = 1;  ///< How many nodes of the mesh this process runs.
  std::size_t threads = 1;
  double rate = 20;  ///< Calls per second of each member.
  double scale = 1;  ///< Stretches every duration.
  std::uint16_t port = 0;
  std::uint16_t sentinel_port = 0;  ///< Not 0: Redis is found through Sentinel.
  std::string sentinel_name;
  /// Not empty: Redis is a cluster of nodes that call themselves by the first port, where the
  /// second one leads to.
  std::map<std::uint16_t, std::uint16_t> cluster{};
  bool protocol_thread = false;
  boost::asio::any_io_executor protocol_executor{};  ///< Set by the program, with protocol_thread.
};

template <typename Options>
concept WithProtocolExecutor = requires(Options options) {
  options.protocol_executor;
};

/// Whether handlers and the protocol can have threads of their own.
inline constexpr bool can_have_protocol_thread = WithProtocolExecutor<MeshOptions>;

template <typename Options>
void set_protocol_executor(Options& options, const boost::asio::any_io_executor& executor) {
  if constexpr (WithProtocolExecutor<Options>) options.protocol_executor = executor;
}

/// The times everything else is measured by, the same in runner, nodes and checker.
struct Timing {
  explicit Timing(double scale = 1) : scale_(scale) {}

  std::chrono::milliseconds heartbeat_interval() const { return stretched(200); }
  std::chrono::milliseconds node_ttl() const { return stretched(1000); }
  std::chrono::milliseconds leader_ttl() const { return stretched(1500); }
  std::chrono::milliseconds leader_renewal() const { return stretched(500); }
  std::chrono::milliseconds leader_retry() const { return stretched(200); }
  std::chrono::milliseconds health_check() const { return stretched(500); }
  std::chrono::milliseconds shortest_call() const { return stretched(500); }
  std::chrono::milliseconds longest_call() const { return stretched(3000); }
  std::chrono::milliseconds stop_timeout() const { return stretched(2000); }

  /// What is granted to a slow machine.
  std::chrono::milliseconds slack() const { return stretched(4000); }

  std::chrono::milliseconds stretched(double milliseconds) const {
    return std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds * scale_));
  }

 private:
  double scale_;
};

inline MeshOptions mesh_options(const NodeOptions& options) {
  const Timing timing(options.scale);
  MeshOptions result;
  result.heartbeat_interval = timing.heartbeat_interval();
  result.node_ttl = timing.node_ttl();
  result.request_timeout = timing.longest_call();
  result.stop_timeout = timing.stop_timeout();
  result.leader.ttl = timing.leader_ttl();
  result.leader.renewal_interval = timing.leader_renewal();
  result.leader.retry_delay = timing.leader_retry();
  RedisOptions& redis = result.redis;
  redis = RedisOptions{};
  redis.port = options.port;
  if (options.sentinel_port != 0) {
    redis.sentinel_host = "127.0.0.1";
    redis.sentinel_port = options.sentinel_port;
    redis.sentinel_name = options.sentinel_name;
  }
  for (const auto& [announced, port] : options.cluster) {
    if (!redis.cluster.empty()) redis.cluster += ",";
    redis.cluster += "127.0.0.1:" + std::to_string(port);
  }
  if (!options.cluster.empty()) {
    redis.cluster_address = [ports = options.cluster](RedisAddress announced) {
      const auto found = ports.find(announced.port);
      if (found != ports.end()) announced.port = found->second;
      return announced;
    };
  }
  redis.prefix = "chaos";
  redis.mutex_prefix = "chaos";
  redis.connect_timeout = timing.stretched(2000);
  redis.reconnect_min_delay = timing.stretched(20);
  redis.reconnect_max_delay = timing.stretched(300);
  redis.health_check_interval = timing.health_check();
  result.hostname = options.name;
  set_protocol_executor(result, options.protocol_executor);
  return result;
}

}  // namespace mesh::chaos
