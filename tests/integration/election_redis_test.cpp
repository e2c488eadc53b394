// A mesh whose leader is elected on another Redis than that of the mesh.

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/support/patient_nodes_test.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

/// The mesh is on the Redis that all tests of the process share, the lock on a server of its own.
class ElectionRedis : public PatientNodesTest {
 protected:
  MeshOptions apart() const {
    MeshOptions result = patient();
    result.leader_redis = locks_.options();
    return result;
  }
  std::string lock_there() const { return "test:leader:mesh:" + key(); }

  RedisServer locks_;
};

asio::awaitable<bool> is_elected(Node& node) {
  const auto leads = [&] { return node.leader().is_leader(); };
  co_return co_await eventually(leads);
}

asio::awaitable<bool> loses_election(Node& node) {
  const auto follows = [&] { return !node.leader().is_leader(); };
  co_return co_await eventually(follows);
}

std::size_t connections_to(RedisProbe& probe) {
  const std::string list = probe.text({"CLIENT", "LIST"});
  const std::string mark = "user=" + RedisServer::user();
  std::size_t count = 0;
  for (auto at = list.find(mark); at != std::string::npos; at = list.find(mark, at + 1)) ++count;
  return count;
}

asio::awaitable<bool> is_left_alone(const RedisServer& server) {
  RedisProbe probe = server.probe();
  const auto has_none = [&] { return connections_to(probe) == 0; };
  co_return co_await eventually(has_none);
}

TEST_F(ElectionRedis, HoldsTheLockAndNothingOfTheMesh) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions options = apart();
    Node node(co_await asio::this_coro::executor, key(), options);
    std::vector<InstanceId> removed;
    node.set_node_cleaned_up_callback([&](InstanceId id) { removed.push_back(id); });
    co_await node.start();
    EXPECT_TRUE(co_await is_elected(node)) << log().text();
    EXPECT_TRUE(locks_.probe().exists(lock_there()));
    EXPECT_FALSE(probe().exists(lock()));
    register_ghost(77);
    const auto is_reported = [&] { return removed == std::vector<InstanceId>{77}; };
    EXPECT_TRUE(co_await eventually(is_reported)) << log().text();
    EXPECT_FALSE(is_registered(77));
    EXPECT_TRUE(locks_.probe().keys("test:mesh:*").empty());
    co_await node.stop();
    EXPECT_FALSE(locks_.probe().exists(lock_there()));
    EXPECT_TRUE(co_await is_left_alone(locks_));
  });
}

TEST_F(ElectionRedis, ALockThereIsObservedWhateverIsOnTheRedisOfTheMesh) {
  run_coroutine([&]() -> asio::awaitable<void> {
    locks_.command({"SET", lock_there(), "a TypeScript node", "PX", "600000"});
    MeshOptions options = apart();
    Node node(co_await asio::this_coro::executor, key(), options);
    co_await node.start();
    const auto follows = [&] { return !node.leader().is_leader(); };
    EXPECT_TRUE(co_await holds_for(follows, 500ms));
    probe().command({"SET", lock(), "somebody", "PX", "600000"});
    probe().command({"SET", lock() + ":last_term", "0123456789abcdef 0"});
    locks_.command({"DEL", lock_there()});
    EXPECT_TRUE(co_await is_elected(node)) << log().text();
    const auto leads = [&] { return node.leader().is_leader(); };
    EXPECT_TRUE(co_await holds_for(leads, 500ms));
    co_await node.stop();
  });
}

TEST_F(ElectionRedis, ALeaderThatHasASuccessorDoesNotCleanUp) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const std::string token_key = name("leader_token");
    MeshOptions options = apart();
    Node node(co_await asio::this_coro::executor, key(), options);
    co_await node.start();
    EXPECT_TRUE(co_await is_elected(node)) << log().text();
    const auto is_noted = [&] {
      return probe().get(token_key) == std::to_string(node.leader().fencing_token());
    };
    EXPECT_TRUE(co_await eventually(is_noted));
    EXPECT_GT(probe().integer({"PTTL", token_key}), 0);

    const auto later = std::to_string(node.leader().fencing_token() + 1000000);
    probe().command({"SET", token_key, later, "PX", "600000"});
    register_ghost(77);
    const auto is_kept = [&] { return is_registered(77) && node.leader().is_leader(); };
    EXPECT_TRUE(co_await holds_for(is_kept, 500ms));
    EXPECT_EQ(probe().get(token_key), later);
    EXPECT_EQ(log().count("may not clean up"), 1U) << log().text();

    probe().command({"DEL", token_key});
    const auto is_removed = [&] { return !is_registered(77); };
    EXPECT_TRUE(co_await eventually(is_removed));
    co_await node.stop();
  });
}

TEST_F(ElectionRedis, IsReconnectedToWhileTheMeshGoesOn) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    MeshOptions options = apart();
    Node a(executor, key(), options);
    Node b(executor, key(), options);
    register_handlers(b);
    co_await a.start();
    EXPECT_TRUE(co_await is_elected(a)) << log().text();
    co_await b.start();
    locks_.kill();
    EXPECT_TRUE(co_await loses_election(a));
    EXPECT_TRUE(co_await echoes(a, b.instance_id(), 20s));
    locks_.start();
    const auto one_leads = [&] { return a.leader().is_leader() != b.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(one_leads)) << log().text();
    EXPECT_EQ(a.stats().reconnects, 0U);
    co_await a.stop();
    co_await b.stop();
  });
}

TEST_F(ElectionRedis, IsNotNeededToStartAndStop) {
  run_coroutine([&]() -> asio::awaitable<void> {
    locks_.pause();
    MeshOptions options = apart();
    options.stop_timeout = 1s;
    const auto executor = co_await asio::this_coro::executor;
    Node node(executor, key(), options);
    co_await node.start();
    EXPECT_GT(node.instance_id(), 0);
    co_await node.stop();
    locks_.resume();

    co_await node.start();
    EXPECT_TRUE(co_await is_elected(node)) << log().text();
    locks_.pause();
    const auto begin = std::chrono::steady_clock::now();
    co_await node.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
    EXPECT_FALSE(node.leader().is_leader());
    EXPECT_EQ(probe().integer({"ZCARD", name("heartbeats")}), 0);
    locks_.resume();

    auto destroyed = std::make_unique<Node>(executor, key(), options);
    co_await destroyed->start();
    locks_.pause();
    destroyed.reset();
    locks_.resume();
    EXPECT_TRUE(co_await is_left_alone(locks_));
  });
}

TEST_F(ElectionRedis, IsNamedInTheLogWhereItIsElsewhere) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    MeshOptions options = apart();
    Node node(executor, key(), options);
    co_await node.start();
    const std::string port = std::to_string(options.leader_redis->port);
    EXPECT_EQ(log().count(", its leader is elected at "), 1U) << log().text();
    EXPECT_TRUE(log().contains("elected at " + options.leader_redis->host + ":" + port))
        << log().text();
    co_await node.stop();

    options.leader_redis.reset();
    Node in_one_place(executor, key(), options);
    co_await in_one_place.start();
    EXPECT_EQ(log().count("elected at "), 1U) << log().text();
    co_await in_one_place.stop();
  });
}

TEST_F(ElectionRedis, NodesThatDisagreeOnThePlaceAreWarned) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    MeshOptions options = apart();
    Node apart_node(executor, key(), options);
    co_await apart_node.start();
    EXPECT_TRUE(co_await is_elected(apart_node)) << log().text();
    const auto is_warned = [&] { return log().contains("all nodes must agree on"); };
    const auto is_not_warned = [&] { return !is_warned(); };
    EXPECT_TRUE(co_await holds_for(is_not_warned, 300ms));

    const LogCapture other_log;
    MeshOptions other_options = patient_options(redis().options(), other_log);
    Node other(executor, key(), other_options);
    co_await other.start();
    EXPECT_TRUE(co_await eventually(is_warned)) << log().text();
    EXPECT_EQ(log().count("all nodes must agree on"), 1U);
    co_await other.stop();
    co_await apart_node.stop();
  });
}

TEST_F(ElectionRedis, KeepsNoNodeListedThatStopsWhileItHangs) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions options = apart();
    options.leader.ttl = 60s;
    Node node(co_await asio::this_coro::executor, key(), options);
    co_await node.start();
    EXPECT_TRUE(co_await is_elected(node)) << log().text();
    locks_.pause();
    co_await node.stop();
    EXPECT_EQ(probe().integer({"ZCARD", name("heartbeats")}), 0) << log().text();
    locks_.resume();
  });
}

TEST(ElectionRedisFaults, ANodeThatStopsWhileTheRedisOfTheMeshHangsFreesTheLock) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer mesh;
    const RedisServer locks;
    const LogCapture log;
    MeshOptions options = patient_options(mesh.options(), log);
    options.leader_redis = locks.options();
    options.leader.ttl = 60s;
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    co_await node.start();
    EXPECT_TRUE(co_await is_elected(node)) << log.text();
    mesh.pause();
    co_await node.stop();
    EXPECT_FALSE(locks.probe().exists(mesh_lock)) << log.text();
    mesh.resume();
  });
}

TEST_F(ElectionRedis, IsNoThirdConnectionWhereItIsTheRedisOfTheMesh) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions options = patient();
    options.leader_redis = redis().options();
    Node node(co_await asio::this_coro::executor, key(), options);
    co_await node.start();
    EXPECT_TRUE(co_await is_elected(node)) << log().text();
    EXPECT_EQ(connections_to(probe()), 2U);
    co_await node.stop();
  });
}

TEST_F(ElectionRedis, TheLockHasThePrefixOfTheMeshUnlessItHasItsOwn) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    for (const std::string own : {"", "own"}) {
      MeshOptions options = apart();
      options.leader_redis = locks_.admin_options();
      options.leader_redis->mutex_prefix = own;
      Node node(executor, key(), options);
      co_await node.start();
      EXPECT_TRUE(co_await is_elected(node)) << log().text();
      EXPECT_TRUE(locks_.probe().exists(own.empty() ? lock_there() : "own:leader:mesh:" + key()));
      co_await node.stop();
    }
  });
}

}  // namespace
}  // namespace mesh::test::faults
