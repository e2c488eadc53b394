#include <gtest/gtest.h>

#include <string>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

/// Subscriptions that are gone, or at the wrong server, while their connections stay open.
namespace mesh::test::faults {
namespace {

const std::string unheard = "Redis knows no subscription of this node";

TEST(SubscriptionLoss, ANodeFollowsAMasterThatChangedBehindAProxyWithBothConnections) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer old_master;
    const RedisServer new_master;
    RedisProxy proxy(old_master);
    LogCapture log;
    Node node(executor, mesh_key, patient_options(proxy.options(), log));
    register_handlers(node);
    co_await node.start();
    // Connections to the old master stay open, and the one for subscriptions has no reason to end.
    proxy.redirect(new_master);
    old_master.command({"REPLICAOF", "127.0.0.1", std::to_string(new_master.port())});
    const auto has_moved = [&] { return is_subscribed_at(new_master, node.instance_id()); };
    EXPECT_TRUE(co_await eventually(has_moved)) << log.text();
    Node other(executor, mesh_key, patient_options(new_master.options(), log));
    co_await other.start();
    EXPECT_TRUE(co_await recovers(other, node.instance_id()));
    co_await other.stop();
    co_await node.stop();
  });
}

TEST(SubscriptionLoss, ASubscriptionThatRedisDroppedWithoutAWordIsMadeAgain) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProxy proxy(server);
    LogCapture log;
    MeshOptions options = patient_options(proxy.options(), log);
    options.redis.health_check_interval = 60s;
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    co_await node.start();
    // As when a child of Redis that saves the data still holds the socket.
    proxy.hide_losses();
    server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    const auto is_back = [&] { return is_subscribed_at(server, node.instance_id()); };
    EXPECT_TRUE(co_await eventually(is_back)) << log.text();
    EXPECT_TRUE(log.contains(unheard, LogLevel::warning)) << log.text();
    // A subscription that was just made is not doubted.
    const auto reconnected_once = [&] { return node.stats().reconnects == 1; };
    EXPECT_TRUE(co_await eventually(reconnected_once));
    EXPECT_TRUE(co_await holds_for(reconnected_once, 1s));
    co_await node.stop();
  });
}

TEST(SubscriptionLoss, ASubscriptionThatIsBeingMadeAgainIsNotDoubted) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProxy proxy(server);
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(proxy.options(), log));
    co_await node.start();
    RedisProbe probe = server.probe();
    proxy.hold_subscriptions();
    server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    const auto score = [&] { return probe.zscore(key_of("heartbeats"), "1").value_or(0); };
    for (int i = 0; i < 3; ++i) {
      const auto before = score();
      const auto has_beaten = [&] { return score() > before; };
      EXPECT_TRUE(co_await eventually(has_beaten));
    }
    proxy.release_subscriptions();
    const auto reconnected_once = [&] { return node.stats().reconnects == 1; };
    EXPECT_TRUE(co_await eventually(reconnected_once));
    EXPECT_TRUE(co_await holds_for(reconnected_once, 500ms));
    EXPECT_EQ(log.count("lost the connection"), 1U) << log.text();
    co_await node.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
