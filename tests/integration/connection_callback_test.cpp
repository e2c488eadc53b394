// What nodes tell of their connections when servers go.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/cluster_mesh.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/sentinel_nodes.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>
#include <support/sentinel_cluster.hpp>

namespace mesh::test::faults {
namespace {

/// What a node tells of its connections.
class ToldOfConnections {
 public:
  explicit ToldOfConnections(Node& node_) : node(node_) {
    node.set_connection_callback([this](bool connected) {
      const std::lock_guard lock(mutex_);
      told_.push_back(connected);
    });
  }

  asio::awaitable<bool> is_lost() {
    const auto lost = [this] { return !all().empty() && !node.is_connected(); };
    co_return co_await eventually(lost, 60s);
  }
  asio::awaitable<bool> is_back() {
    const auto back = [this] {
      const auto told = all();
      return !told.empty() && told.back() && node.is_connected();
    };
    co_return co_await eventually(back, 60s);
  }
  /// Losses and returns by turns, at least one of each.
  asio::awaitable<void> expect_turns() {
    EXPECT_TRUE(co_await is_back());
    const auto told = all();
    EXPECT_GE(told.size(), 2U);
    for (std::size_t i = 0; i < told.size(); ++i) EXPECT_EQ(told[i], i % 2 == 1) << i;
  }
  std::vector<bool> all() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }

  Node& node;

 private:
  mutable std::mutex mutex_;
  std::vector<bool> told_;
};

TEST(ConnectionFaults, ARestartOfRedisIsToldAndWhatWaitsMeanwhile) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    RedisServer server;
    Pair pair(executor, server.options());
    co_await pair.start();
    ToldOfConnections told(pair.a);
    server.kill();
    EXPECT_TRUE(co_await told.is_lost()) << pair.log.text();
    const auto idle = pair.a.stats().bytes_queued;
    const std::string text(5000, 'x');
    const auto call = begin_echo(executor, pair.a, pair.b.instance_id(), text, 60s);
    const auto waits = [&] { return pair.a.stats().bytes_queued >= idle + text.size(); };
    EXPECT_TRUE(co_await eventually(waits)) << pair.a.stats().bytes_queued;
    server.start();
    EXPECT_TRUE(co_await told.is_back()) << pair.log.text();
    const auto is_answered = [&] { return call->is_done(); };
    EXPECT_TRUE(co_await eventually(is_answered, 60s));
    EXPECT_TRUE(call->succeeded) << call->what();
    const auto nothing_waits = [&] { return pair.a.stats().bytes_queued == 0; };
    EXPECT_TRUE(co_await eventually(nothing_waits)) << pair.a.stats().bytes_queued;
    EXPECT_FALSE(pair.a.stats().last_error.empty());
    co_await told.expect_turns();
    const auto before = told.all().size();
    co_await pair.stop();
    EXPECT_EQ(told.all().size(), before);
  });
}

TEST(ConnectionFaults, AFailoverOfSentinelsIsTold) {
  SentinelCluster cluster;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    Pair pair(context.get_executor(), cluster.options());
    co_await pair.start();
    ToldOfConnections told(pair.a);
    cluster.failover();
    EXPECT_TRUE(co_await told.is_back()) << pair.log.text();
    EXPECT_TRUE(co_await recovers(pair.a, pair.b.instance_id())) << pair.log.text();
    co_await told.expect_turns();
    co_await pair.stop();
  };
  run_coroutine(body, beside_the_body());
}

/// The callback of a node that needs a primary which dies, and comes back in another place.
void expect_told_of_the_death_of(const std::function<std::uint16_t(ClusterMesh&, Node&)>& slot_of) {
  with_cluster_mesh(
      [&](ClusterMesh& mesh) -> asio::awaitable<void> {
        Node& node = *mesh.nodes[1];
        ToldOfConnections told(node);
        const std::uint16_t slot = slot_of(mesh, node);
        RedisServer& primary = mesh.cluster.primary_of(slot);
        primary.kill();
        EXPECT_TRUE(co_await told.is_lost()) << mesh.log.text();
        mesh.cluster.await_failover(slot, primary);
        EXPECT_TRUE(co_await told.is_back()) << mesh.log.text();
        co_await told.expect_turns();
      },
      with_short_silence());
}

TEST(ConnectionFaults, TheDeathOfTheRegistrysPrimaryInAClusterIsTold) {
  expect_told_of_the_death_of([](ClusterMesh& mesh, Node&) { return mesh.registry_slot(); });
}

TEST(ConnectionFaults, TheDeathOfThePrimaryOfTheOwnChannelInAClusterIsTold) {
  expect_told_of_the_death_of([](ClusterMesh& mesh, Node& node) { return mesh.slot_of(node); });
}

}  // namespace
}  // namespace mesh::test::faults
