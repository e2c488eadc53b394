// A mesh whose leader is elected on another Redis than that of the mesh.

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

/// Two servers, and a node that is told which is for what.
struct Apart {
  MeshOptions options() const {
    MeshOptions result = patient_options(mesh.options(), log);
    result.leader_redis = locks.options();
    return result;
  }

  void add_dead_node(const std::string& id) const {
    mesh.command({"ZADD", key_of("heartbeats"), "1000", id});
    mesh.command({"HSET", key_of("nodes"), id, "long-gone"});
  }
  bool is_listed(const std::string& id) const {
    return mesh.probe().zscore(key_of("heartbeats"), id).has_value();
  }

  RedisServer mesh;
  RedisServer locks;
  LogCapture log;
};

asio::awaitable<bool> is_elected(Node& node) {
  const auto leads = [&] { return node.leader().is_leader(); };
  co_return co_await eventually(leads);
}

asio::awaitable<bool> loses_election(Node& node) {
  const auto follows = [&] { return !node.leader().is_leader(); };
  co_return co_await eventually(follows);
}

std::size_t connections_to(const RedisServer& server) {
  const std::string list = server.probe().text({"CLIENT", "LIST"});
  const std::string mark = "user=" + RedisServer::user();
  std::size_t count = 0;
  for (auto at = list.find(mark); at != std::string::npos; at = list.find(mark, at + 1)) ++count;
  return count;
}

asio::awaitable<bool> is_left_alone(const RedisServer& server) {
  const auto has_none = [&] { return connections_to(server) == 0; };
  co_return co_await eventually(has_none);
}

TEST(ElectionRedis, HoldsTheLockAndNothingOfTheMesh) {
  run_coroutine([]() -> asio::awaitable<void> {
    Apart apart;
    MeshOptions options = apart.options();
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    std::vector<InstanceId> removed;
    node.set_node_cleaned_up_callback([&](InstanceId id) { removed.push_back(id); });
    co_await node.start();
    EXPECT_TRUE(co_await is_elected(node)) << apart.log.text();
    EXPECT_TRUE(apart.locks.probe().exists(mesh_lock));
    EXPECT_FALSE(apart.mesh.probe().exists(mesh_lock));
    apart.add_dead_node("77");
    const auto is_reported = [&] { return removed == std::vector<InstanceId>{77}; };
    EXPECT_TRUE(co_await eventually(is_reported)) << apart.log.text();
    EXPECT_FALSE(apart.is_listed("77"));
    EXPECT_TRUE(apart.locks.probe().keys("test:mesh:*").empty());
    co_await node.stop();
    EXPECT_FALSE(apart.locks.probe().exists(mesh_lock));
    EXPECT_TRUE(co_await is_left_alone(apart.locks));
  });
}

TEST(ElectionRedis, ALockThereIsObservedWhateverIsOnTheRedisOfTheMesh) {
  run_coroutine([]() -> asio::awaitable<void> {
    Apart apart;
    apart.locks.command({"SET", mesh_lock, "a TypeScript node", "PX", "600000"});
    MeshOptions options = apart.options();
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    co_await node.start();
    const auto follows = [&] { return !node.leader().is_leader(); };
    EXPECT_TRUE(co_await holds_for(follows, 500ms));
    apart.mesh.command({"SET", mesh_lock, "somebody", "PX", "600000"});
    apart.mesh.command({"SET", mesh_lock + ":last_term", "0123456789abcdef 0"});
    apart.locks.command({"DEL", mesh_lock});
    EXPECT_TRUE(co_await is_elected(node)) << apart.log.text();
    const auto leads = [&] { return node.leader().is_leader(); };
    EXPECT_TRUE(co_await holds_for(leads, 500ms));
    co_await node.stop();
  });
}

TEST(ElectionRedis, ALeaderThatHasASuccessorDoesNotCleanUp) {
  run_coroutine([]() -> asio::awaitable<void> {
    Apart apart;
    const std::string token_key = key_of("leader_token");
    MeshOptions options = apart.options();
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    co_await node.start();
    EXPECT_TRUE(co_await is_elected(node)) << apart.log.text();
    const auto is_noted = [&] {
      return apart.mesh.probe().get(token_key) == std::to_string(node.leader().fencing_token());
    };
    EXPECT_TRUE(co_await eventually(is_noted));
    EXPECT_GT(apart.mesh.probe().integer({"PTTL", token_key}), 0);

    const auto later = std::to_string(node.leader().fencing_token() + 1000000);
    apart.mesh.command({"SET", token_key, later, "PX", "600000"});
    apart.add_dead_node("77");
    const auto is_kept = [&] { return apart.is_listed("77") && node.leader().is_leader(); };
    EXPECT_TRUE(co_await holds_for(is_kept, 500ms));
    EXPECT_EQ(apart.mesh.probe().get(token_key), later);
    EXPECT_EQ(apart.log.count("may not clean up"), 1U) << apart.log.text();

    apart.mesh.command({"DEL", token_key});
    const auto is_removed = [&] { return !apart.is_listed("77"); };
    EXPECT_TRUE(co_await eventually(is_removed));
    co_await node.stop();
  });
}

TEST(ElectionRedis, IsReconnectedToWhileTheMeshGoesOn) {
  run_coroutine([]() -> asio::awaitable<void> {
    Apart apart;
    const auto executor = co_await asio::this_coro::executor;
    MeshOptions options = apart.options();
    Node a(executor, mesh_key, options);
    Node b(executor, mesh_key, options);
    register_handlers(b);
    co_await a.start();
    EXPECT_TRUE(co_await is_elected(a)) << apart.log.text();
    co_await b.start();
    apart.locks.kill();
    EXPECT_TRUE(co_await loses_election(a));
    EXPECT_TRUE(co_await echoes(a, b.instance_id(), 20s));
    apart.locks.start();
    const auto one_leads = [&] { return a.leader().is_leader() != b.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(one_leads)) << apart.log.text();
    EXPECT_EQ(a.stats().reconnects, 0U);
    co_await a.stop();
    co_await b.stop();
  });
}

TEST(ElectionRedis, IsNotNeededToStartAndStop) {
  run_coroutine([]() -> asio::awaitable<void> {
    Apart apart;
    apart.locks.pause();
    MeshOptions options = apart.options();
    options.stop_timeout = 1s;
    const auto executor = co_await asio::this_coro::executor;
    Node node(executor, mesh_key, options);
    co_await node.start();
    EXPECT_GT(node.instance_id(), 0);
    co_await node.stop();
    apart.locks.resume();

    co_await node.start();
    EXPECT_TRUE(co_await is_elected(node)) << apart.log.text();
    apart.locks.pause();
    const auto begin = std::chrono::steady_clock::now();
    co_await node.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
    EXPECT_FALSE(node.leader().is_leader());
    EXPECT_EQ(apart.mesh.probe().integer({"ZCARD", key_of("heartbeats")}), 0);
    apart.locks.resume();

    auto destroyed = std::make_unique<Node>(executor, mesh_key, options);
    co_await destroyed->start();
    apart.locks.pause();
    destroyed.reset();
    apart.locks.resume();
    EXPECT_TRUE(co_await is_left_alone(apart.locks));
  });
}

TEST(ElectionRedis, IsNamedInTheLogWhereItIsElsewhere) {
  run_coroutine([]() -> asio::awaitable<void> {
    Apart apart;
    const auto executor = co_await asio::this_coro::executor;
    MeshOptions options = apart.options();
    Node node(executor, mesh_key, options);
    co_await node.start();
    const std::string port = std::to_string(options.leader_redis->port);
    EXPECT_EQ(apart.log.count(", its leader is elected at "), 1U) << apart.log.text();
    EXPECT_TRUE(apart.log.contains("elected at " + options.leader_redis->host + ":" + port))
        << apart.log.text();
    co_await node.stop();

    options.leader_redis.reset();
    Node in_one_place(executor, mesh_key, options);
    co_await in_one_place.start();
    EXPECT_EQ(apart.log.count("elected at "), 1U) << apart.log.text();
    co_await in_one_place.stop();
  });
}

TEST(ElectionRedis, NodesThatDisagreeOnThePlaceAreWarned) {
  run_coroutine([]() -> asio::awaitable<void> {
    Apart apart;
    const auto executor = co_await asio::this_coro::executor;
    MeshOptions options = apart.options();
    Node apart_node(executor, mesh_key, options);
    co_await apart_node.start();
    EXPECT_TRUE(co_await is_elected(apart_node)) << apart.log.text();
    const auto is_warned = [&] { return apart.log.contains("all nodes must agree on"); };
    const auto is_not_warned = [&] { return !is_warned(); };
    EXPECT_TRUE(co_await holds_for(is_not_warned, 300ms));

    const LogCapture other_log;
    MeshOptions other_options = patient_options(apart.mesh.options(), other_log);
    Node other(executor, mesh_key, other_options);
    co_await other.start();
    EXPECT_TRUE(co_await eventually(is_warned)) << apart.log.text();
    EXPECT_EQ(apart.log.count("all nodes must agree on"), 1U);
    co_await other.stop();
    co_await apart_node.stop();
  });
}

TEST(ElectionRedis, KeepsNoNodeListedThatStopsWhileItHangs) {
  run_coroutine([]() -> asio::awaitable<void> {
    Apart apart;
    MeshOptions options = apart.options();
    options.leader.ttl = 60s;
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    co_await node.start();
    EXPECT_TRUE(co_await is_elected(node)) << apart.log.text();
    apart.locks.pause();
    co_await node.stop();
    EXPECT_EQ(apart.mesh.probe().integer({"ZCARD", key_of("heartbeats")}), 0) << apart.log.text();
    apart.locks.resume();
  });
}

TEST(ElectionRedis, FreesTheLockOfANodeThatStopsWhileTheRedisOfTheMeshHangs) {
  run_coroutine([]() -> asio::awaitable<void> {
    Apart apart;
    MeshOptions options = apart.options();
    options.leader.ttl = 60s;
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    co_await node.start();
    EXPECT_TRUE(co_await is_elected(node)) << apart.log.text();
    apart.mesh.pause();
    co_await node.stop();
    EXPECT_FALSE(apart.locks.probe().exists(mesh_lock)) << apart.log.text();
    apart.mesh.resume();
  });
}

TEST(ElectionRedis, IsNoThirdConnectionWhereItIsTheRedisOfTheMesh) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    const LogCapture log;
    MeshOptions options = patient_options(server.options(), log);
    options.leader_redis = server.options();
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    co_await node.start();
    EXPECT_TRUE(co_await is_elected(node)) << log.text();
    EXPECT_EQ(connections_to(server), 2U);
    co_await node.stop();
  });
}

TEST(ElectionRedis, TheLockHasThePrefixOfTheMeshUnlessItHasItsOwn) {
  run_coroutine([]() -> asio::awaitable<void> {
    Apart apart;
    const auto executor = co_await asio::this_coro::executor;
    for (const std::string own : {"", "own"}) {
      MeshOptions options = apart.options();
      options.leader_redis = apart.locks.admin_options();
      options.leader_redis->mutex_prefix = own;
      Node node(executor, mesh_key, options);
      co_await node.start();
      EXPECT_TRUE(co_await is_elected(node)) << apart.log.text();
      EXPECT_TRUE(apart.locks.probe().exists(own.empty() ? mesh_lock : "own:leader:mesh:faults"));
      co_await node.stop();
    }
  });
}

}  // namespace
}  // namespace mesh::test::faults
