#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <support/redis_cluster.hpp>
#include <support/redis_probe.hpp>
#include <support/redis_server.hpp>

#include "node_options.hpp"
#include "redis_usage.hpp"

namespace mesh::bench {

/// Where a mesh is: one Redis, or a Redis Cluster without replicas.
class Servers {
 public:
  /// So many primaries; none: no cluster.
  explicit Servers(std::size_t primaries);

  NodeOptions node_options(bool has_short_times) const;
  /// To each server.
  std::vector<test::RedisProbe>& probes() { return probes_; }
  /// Which of these leads to the registry.
  std::size_t registry_place();
  test::RedisProbe& registry() { return probes_.at(registry_place()); }
  /// Of all together.
  RedisUsage usage();
  RedisHoldings holdings();

 private:
  std::optional<test::RedisServer> server_;
  std::optional<test::RedisCluster> cluster_;
  std::vector<test::RedisProbe> probes_;
};

}  // namespace mesh::bench
