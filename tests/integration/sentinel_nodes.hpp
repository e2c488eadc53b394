#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <mesh/mesh.hpp>
#include <support/redis_probe.hpp>
#include <support/run_coroutine.hpp>
#include <support/sentinel_cluster.hpp>
#include <support/wait.hpp>

/// What tests of nodes beside Sentinels have in common.
namespace mesh::test::faults {

using namespace std::chrono_literals;

/// The nodes run on a second thread while the body blocks on Sentinel.
inline RunOptions beside_the_body() {
  RunOptions options;
  options.threads = 2;
  options.deadline = 150s;
  return options;
}

inline std::int64_t info_value(RedisProbe& probe, const std::string& section,
                               const std::string& field) {
  const std::string info = probe.text({"INFO", section});
  return std::stoll(info.substr(info.find(field + ":") + field.size() + 1));
}

/// Counts the connections to each Sentinel from the call of `begin()` on.
class Visits {
 public:
  /// Returns when the Sentinels are connected with each other.
  Visits(const SentinelCluster& cluster, std::size_t sentinels) {
    for (std::size_t i = 0; i < sentinels; ++i) {
      RedisProbe& probe = probes_.emplace_back(cluster.sentinel_probe(i));
      const auto clients = static_cast<std::int64_t>(sentinels);  // the others, and the probe
      const auto are_connected = [&] {
        return info_value(probe, "clients", "connected_clients") >= clients;
      };
      EXPECT_TRUE(wait_until(are_connected, 60s));
    }
    begin();
  }

  void begin() {
    before_.clear();
    for (RedisProbe& probe : probes_) before_.push_back(connections(probe));
  }
  std::int64_t at(std::size_t sentinel) {
    return connections(probes_.at(sentinel)) - before_.at(sentinel);
  }
  std::int64_t all() {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < probes_.size(); ++i) sum += at(i);
    return sum;
  }

 private:
  static std::int64_t connections(RedisProbe& probe) {
    return info_value(probe, "stats", "total_connections_received");
  }

  std::vector<RedisProbe> probes_;
  std::vector<std::int64_t> before_;
};

/// Such that only who leads, or is about to, has asked Sentinel before a test ends.
inline RedisOptions rarely_asking(const SentinelCluster& cluster) {
  RedisOptions redis = cluster.options();
  redis.health_check_interval = 120s;
  return redis;
}

}  // namespace mesh::test::faults
