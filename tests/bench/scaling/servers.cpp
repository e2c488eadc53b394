#include "servers.hpp"

#include <string>

namespace mesh::bench {

namespace {

test::RedisServerOptions server_options() {
  test::RedisServerOptions options;
  options.config = {"maxclients 10000"};
  return options;
}

test::RedisClusterOptions cluster_options(std::size_t primaries) {
  test::RedisClusterOptions options;
  options.server = server_options();
  options.primaries = primaries;
  options.has_replicas = false;
  return options;
}

}  // namespace

Servers::Servers(std::size_t primaries) {
  if (primaries == 0) {
    server_.emplace(server_options());
    probes_.push_back(server_->probe());
    return;
  }
  cluster_.emplace(cluster_options(primaries));
  for (std::size_t i = 0; i < primaries; ++i) probes_.push_back(cluster_->server(i).probe());
}

NodeOptions Servers::node_options(bool has_short_times) const {
  NodeOptions options;
  options.has_short_times = has_short_times;
  if (cluster_) {
    options.cluster = cluster_->options().cluster;
  } else {
    options.port = server_->port();
  }
  return options;
}

std::size_t Servers::registry_place() {
  if (!cluster_) return 0;
  const auto slot = cluster_->slot_of(NodeOptions::registry_in_cluster);
  const test::RedisServer& primary = cluster_->primary_of(slot);
  std::size_t place = 0;
  while (&cluster_->server(place) != &primary) ++place;
  return place;
}

RedisUsage Servers::usage() {
  RedisUsage sum;
  for (test::RedisProbe& probe : probes_) sum.add(redis_usage(probe));
  return sum;
}

RedisHoldings Servers::holdings() {
  RedisHoldings sum;
  for (test::RedisProbe& probe : probes_) {
    const RedisHoldings one = redis_holdings(probe);
    sum.connections += one.connections;
    sum.memory_bytes += one.memory_bytes;
  }
  return sum;
}

}  // namespace mesh::bench
