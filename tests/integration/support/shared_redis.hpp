#pragma once

#include <cstddef>
#include <cstdlib>
#include <optional>
#include <vector>

#include <mesh/options.hpp>
#include <support/redis_cluster.hpp>
#include <support/redis_probe.hpp>
#include <support/redis_server.hpp>

namespace mesh::test {

/// Whether tests to which it makes no difference run on a Redis Cluster.
inline bool on_cluster() {
  static const bool is_set = std::getenv("MESH_TEST_ON_CLUSTER") != nullptr;
  return is_set;
}

/// A redis-server, or a Redis Cluster.
class SharedRedis {
 public:
  SharedRedis() {
    if (on_cluster()) {
      cluster_.emplace();
    } else {
      server_.emplace();
    }
  }

  RedisOptions options() const { return cluster_ ? cluster_->options() : server_->options(); }
  RedisOptions admin_options() const {
    return cluster_ ? cluster_->admin_options() : server_->admin_options();
  }
  /// Of the server, or of all primaries of the cluster.
  std::vector<RedisProbe> probes() {
    std::vector<RedisProbe> result;
    if (server_) result.emplace_back(server_->admin_options());
    for (std::size_t i = 0; cluster_ && i < cluster_->primaries(); ++i) {
      result.emplace_back(cluster_->server(i).admin_options());
    }
    return result;
  }

 private:
  std::optional<RedisServer> server_;
  std::optional<RedisCluster> cluster_;
};

}  // namespace mesh::test
