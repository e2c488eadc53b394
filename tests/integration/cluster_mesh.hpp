#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/sentinel_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_cluster.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {

inline const std::string cluster_stem = "{test:mesh:faults}:";

/// Three nodes on a cluster, which count what they run.
class ClusterMesh {
 public:
  static constexpr std::size_t size = 3;

  ClusterMesh(RedisCluster& servers, const asio::any_io_executor& executor) : cluster(servers) {
    for (std::size_t i = 0; i < size; ++i) {
      nodes.push_back(std::make_unique<Node>(executor, mesh_key, options()));
      nodes.back()->register_handler<"echo">([this](const std::string& text) {
        ++runs;
        return text;
      });
      nodes.back()->register_broadcast_handler<"news">(
          [this](const std::string& /*text*/) { ++news; });
    }
  }

  MeshOptions options() const {
    MeshOptions result = patient_options(cluster.options(), log);
    result.request_timeout = 60s;
    return result;
  }
  asio::awaitable<void> start() {
    for (const auto& node : nodes) co_await node->start();
  }
  asio::awaitable<void> stop() {
    for (const auto& node : nodes) co_await node->stop();
  }

  /// Each calls each; all must be answered, and have run once.
  asio::awaitable<void> expect_calls_succeed() {
    const int before = runs;
    for (const auto& from : nodes) {
      for (const auto& to : nodes) {
        const std::string text = "hello";
        std::string error;
        try {
          EXPECT_EQ(co_await from->invoke<"echo">(to->instance_id(), text), text);
        } catch (const std::exception& failure) {
          error = failure.what();
        }
        EXPECT_EQ(error, "") << log.text();
      }
    }
    EXPECT_EQ(runs - before, static_cast<int>(size * size));
  }

  Node& leader() {
    for (const auto& node : nodes) {
      if (node->leader().is_leader()) return *node;
    }
    throw std::runtime_error("nobody leads");
  }
  asio::awaitable<bool> one_leads() {
    const auto leads = [this] {
      int leaders = 0;
      for (const auto& node : nodes) leaders += node->leader().is_leader() ? 1 : 0;
      return leaders == 1;
    };
    co_return co_await eventually(leads, 60s);
  }

  std::uint16_t slot_of(const std::string& name) {
    return cluster.server(0).command({"CLUSTER", "KEYSLOT", name}).get<std::uint16_t>();
  }
  std::uint16_t slot_of(const Node& node) { return slot_of(channel_of(node.instance_id())); }
  std::uint16_t registry_slot() { return slot_of(cluster_stem + "heartbeats"); }

  void migrate(std::uint16_t slot) {
    RedisServer& from = cluster.primary_of(slot);
    RedisServer& to = cluster.another_primary(slot);
    cluster.begin_migration(slot, from, to);
    cluster.move_keys(slot, from, to);
    cluster.end_migration(slot, to);
  }

  RedisCluster& cluster;
  LogCapture log;
  std::atomic<int> runs = 0;
  std::atomic<int> news = 0;
  std::vector<std::unique_ptr<Node>> nodes;
};

template <typename Body>
void with_cluster_mesh(Body body, RedisClusterOptions options = {}) {
  RedisCluster cluster(std::move(options));
  const auto run = [&](asio::io_context& context) -> asio::awaitable<void> {
    ClusterMesh mesh(cluster, context.get_executor());
    co_await mesh.start();
    co_await body(mesh);
    co_await mesh.stop();
  };
  run_coroutine(run, beside_the_body());
}

inline RedisClusterOptions with_short_silence() {
  RedisClusterOptions options;
  options.node_timeout = 1500ms;
  return options;
}

}  // namespace mesh::test::faults
