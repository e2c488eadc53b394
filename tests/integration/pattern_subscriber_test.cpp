// Somebody who subscribes to a pattern is counted by PUBLISH, and must not pass for a node.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

/// Somebody who watches everything.
RedisProbe watch_everything(const RedisServer& server) {
  RedisProbe monitor = server.probe();
  monitor.command({"PSUBSCRIBE", "*"});
  return monitor;
}

asio::awaitable<bool> ends(std::shared_ptr<Call> call) {
  const auto is_done = [call] { return call->is_done(); };
  co_return co_await eventually(is_done, 40s);
}

TEST(PatternSubscriber, DoesNotMakeANodeThatIsGoneReachable) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Pair pair(executor, server.options());
    co_await pair.start();
    const RedisProbe monitor = watch_everything(server);
    server.command({"ZADD", key_of("heartbeats"), "1", "2000"});
    const auto stranger = begin_wait(executor, pair.a, 1000, 0ms, 10min);
    const auto another = begin_wait(executor, pair.a, 1000, 0ms, 10min);
    const auto ghost = begin_wait(executor, pair.a, 2000, 0ms, 10min);
    for (const auto& call : {stranger, another, ghost}) {
      EXPECT_TRUE(co_await ends(call));
      EXPECT_TRUE(call->failed_with<MeshNodeUnreachableError>()) << call->what();
    }
    co_await pair.stop();
  });
}

TEST(PatternSubscriber, DoesNotKeepARequestFromATargetThatResubscribes) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    RedisProxy proxy_of_b(server);
    Pair pair(executor, server.options(), proxy_of_b.options());
    co_await pair.start();
    CO_ASSERT_TRUE(co_await echoes(pair.a, pair.b.instance_id(), 20s));
    const InstanceId target = pair.b.instance_id();
    proxy_of_b.hold_subscriptions();
    server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    RedisProbe probe = server.probe();
    const auto nobody_listens = [&] {
      return probe.subscribers(channel_of(target)) == 0 && probe.subscribers(channel_of(1)) == 1;
    };
    CO_ASSERT_TRUE(co_await eventually(nobody_listens));
    const RedisProbe monitor = watch_everything(server);
    const auto call = begin_wait(executor, pair.a, target, 0ms, 10min);
    co_await sleep_for(100ms);
    EXPECT_FALSE(call->is_done()) << call->what();
    proxy_of_b.release_subscriptions();
    EXPECT_TRUE(co_await ends(call));
    EXPECT_TRUE(call->succeeded) << call->what();
    EXPECT_EQ(pair.b.stats().requests_repeated, 0U) << "it had come before";
    co_await pair.stop();
  });
}

// Both lose their subscriptions while the handler runs, then somebody begins to watch. A heartbeat
// of the target's would show that it lives, so there is none.
TEST(PatternSubscriber, DoesNotMakeACallUnreachableThatTheTargetRuns) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    RedisProxy proxy_of_b(server);
    LogCapture log;
    MeshOptions options_of_b = patient_options(proxy_of_b.options(), log);
    options_of_b.heartbeat_interval = 20s;
    Node a(executor, mesh_key, patient_options(server.options(), log));
    Node b(executor, mesh_key, options_of_b);
    register_handlers(a);
    register_handlers(b);
    co_await a.start();
    co_await b.start();
    const InstanceId target = b.instance_id();
    CO_ASSERT_TRUE(co_await echoes(a, target, 20s));
    RedisProbe probe = server.probe();
    const auto call = begin_wait(executor, a, target, 3s, 10min);
    CO_ASSERT_TRUE(co_await eventually([&] { return b.stats().requests_received == 2; }));
    proxy_of_b.hold_subscriptions();
    server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    const auto only_a_is_back = [&] {
      return probe.subscribers(channel_of(target)) == 0 &&
             probe.subscribers(channel_of(a.instance_id())) == 1;
    };
    CO_ASSERT_TRUE(co_await eventually(only_a_is_back));
    const RedisProbe monitor = watch_everything(server);
    co_await sleep_for(2500ms);
    EXPECT_FALSE(call->is_done()) << call->what();
    proxy_of_b.release_subscriptions();
    EXPECT_TRUE(co_await ends(call));
    EXPECT_TRUE(call->succeeded) << call->what();
    co_await a.stop();
    co_await b.stop();
  });
}

TEST(PatternSubscriber, IsAskedAboutAgainAfterAQuestionThatWasRefused) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    RedisProxy proxy_of_b(server);
    Pair pair(executor, server.options(), proxy_of_b.options());
    co_await pair.start();
    const InstanceId target = pair.b.instance_id();
    CO_ASSERT_TRUE(co_await echoes(pair.a, target, 20s));
    proxy_of_b.hold_subscriptions();
    server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    RedisProbe probe = server.probe();
    const auto only_a_is_back = [&] {
      return probe.subscribers(channel_of(target)) == 0 && probe.subscribers(channel_of(1)) == 1;
    };
    CO_ASSERT_TRUE(co_await eventually(only_a_is_back));
    const RedisProbe monitor = watch_everything(server);
    const auto questions = [&](std::int64_t more) {
      return [&probe, wanted = probe.command_stats().calls("eval") + more] {
        return probe.command_stats().calls("eval") >= wanted;
      };
    };
    const auto call = begin_wait(executor, pair.a, target, 0ms, 10min);
    CO_ASSERT_TRUE(co_await eventually(questions(2)));
    server.command({"ACL", "SETUSER", RedisServer::user(), "-pubsub|numsub"});
    EXPECT_TRUE(co_await eventually(questions(2)));
    server.command({"ACL", "SETUSER", RedisServer::user(), "+pubsub|numsub"});
    proxy_of_b.release_subscriptions();
    EXPECT_TRUE(co_await ends(call));
    EXPECT_TRUE(call->succeeded) << call->what();
    co_await pair.stop();
  });
}

TEST(PatternSubscriber, LeavesCallsAloneThatTheTargetHasReceived) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Pair pair(executor, server.options());
    co_await pair.start();
    CO_ASSERT_TRUE(co_await echoes(pair.a, pair.b.instance_id(), 20s));
    const RedisProbe monitor = watch_everything(server);
    const auto call = begin_wait(executor, pair.a, pair.b.instance_id(), 1s, 30s);
    EXPECT_TRUE(co_await ends(call));
    EXPECT_TRUE(call->succeeded) << call->what();
    EXPECT_EQ(pair.a.stats().calls_resent, 0U);
    co_await pair.stop();
  });
}

TEST(PatternSubscriber, IsTakenForANodeWhereTheQuestionIsRefused) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Pair pair(executor, server.options());
    co_await pair.start();
    const RedisProbe monitor = watch_everything(server);
    server.command({"ACL", "SETUSER", RedisServer::user(), "-pubsub|numsub"});
    const auto call = begin_wait(executor, pair.a, 1000, 0ms, 2s);
    EXPECT_TRUE(co_await ends(call));
    EXPECT_TRUE(call->failed_with<MeshRequestTimeoutError>()) << call->what();
    co_await pair.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
