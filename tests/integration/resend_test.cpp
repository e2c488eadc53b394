#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <integration/support/raw_peer.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

using std::chrono::milliseconds;

/// `a` and `b` have proxies of their own; `b` counts what its handlers run.
struct CountingPair {
  explicit CountingPair(const asio::any_io_executor& executor)
      : proxy_of_a(server),
        proxy_of_b(server),
        pair(executor, proxy_of_a.options(), proxy_of_b.options()) {
    pair.b.register_handler<"wait">([this](int duration) -> asio::awaitable<int> {
      ++begun;
      co_await sleep_for(milliseconds(duration));
      ++ended;
      co_return duration;
    });
  }

  /// Starts both and lets them know each other.
  asio::awaitable<bool> start() {
    co_await pair.start();
    co_return co_await echoes(pair.a, pair.b.instance_id(), 20s);
  }

  RedisServer server;
  RedisProxy proxy_of_a;
  RedisProxy proxy_of_b;
  Pair pair;
  int begun = 0;
  int ended = 0;
};

asio::awaitable<bool> succeeds(std::shared_ptr<Call> call) {
  const auto is_done = [call] { return call->is_done(); };
  const bool done = co_await eventually(is_done, 40s);
  EXPECT_TRUE(done);
  EXPECT_TRUE(call->succeeded) << call->what();
  EXPECT_EQ(call->completions, 1);
  co_return done && call->succeeded;
}

TEST(Resend, ARequestThatMayHaveArrivedIsSentAgainAndRunsOnce) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    CountingPair nodes(executor);
    CO_ASSERT_TRUE(co_await nodes.start());
    // Redis gets the request and the response, but its answer to PUBLISH and the response are lost.
    RedisProbe probe = nodes.server.probe();
    const auto before = probe.command_stats().calls("publish");
    nodes.proxy_of_a.hold_replies();
    const auto call = begin_wait(executor, nodes.pair.a, nodes.pair.b.instance_id(), 0ms, 30s);
    const auto has_answered = [&] {
      return nodes.ended == 1 && probe.command_stats().calls("publish") >= before + 2;
    };
    CO_ASSERT_TRUE(co_await eventually(has_answered));
    nodes.proxy_of_a.drop_connections();
    nodes.proxy_of_a.release_replies();
    EXPECT_TRUE(co_await succeeds(call));
    EXPECT_EQ(nodes.begun, 1);
    EXPECT_GE(nodes.pair.a.stats().calls_resent, 1U);
    EXPECT_GE(nodes.pair.b.stats().requests_repeated, 1U);
    co_await nodes.pair.stop();
  });
}

TEST(Resend, ARequestThatWasLostOnTheWayIsSentAgain) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    CountingPair nodes(executor);
    CO_ASSERT_TRUE(co_await nodes.start());
    const auto sent_before = nodes.proxy_of_a.chunks_with("\"wait\"");
    nodes.proxy_of_a.freeze();
    const auto call = begin_wait(executor, nodes.pair.a, nodes.pair.b.instance_id(), 0ms, 30s);
    const auto is_sent = [&] { return nodes.proxy_of_a.chunks_with("\"wait\"") > sent_before; };
    CO_ASSERT_TRUE(co_await eventually(is_sent));
    nodes.proxy_of_a.drop_connections();
    nodes.proxy_of_a.thaw();
    EXPECT_TRUE(co_await succeeds(call));
    EXPECT_EQ(nodes.begun, 1);
    co_await nodes.pair.stop();
  });
}

TEST(Resend, AResponseThatCameWhileTheCallerWasResubscribingReachesIt) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    CountingPair nodes(executor);
    CO_ASSERT_TRUE(co_await nodes.start());
    const auto call = begin_wait(executor, nodes.pair.a, nodes.pair.b.instance_id(), 300ms, 30s);
    const auto runs = [&] { return nodes.begun == 1; };
    CO_ASSERT_TRUE(co_await eventually(runs));
    nodes.proxy_of_a.hold_subscriptions();
    nodes.server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    const auto has_run = [&] { return nodes.ended == 1; };
    CO_ASSERT_TRUE(co_await eventually(has_run));
    co_await sleep_for(50ms);
    EXPECT_FALSE(call->is_done());
    nodes.proxy_of_a.release_subscriptions();
    EXPECT_TRUE(co_await succeeds(call));
    EXPECT_EQ(nodes.begun, 1);
    co_await nodes.pair.stop();
  });
}

TEST(Resend, AResponseThatWasLostWithTheConnectionIsSentAgain) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    CountingPair nodes(executor);
    CO_ASSERT_TRUE(co_await nodes.start());
    const auto call = begin_wait(executor, nodes.pair.a, nodes.pair.b.instance_id(), 100ms, 30s);
    const auto runs = [&] { return nodes.begun == 1; };
    CO_ASSERT_TRUE(co_await eventually(runs));
    nodes.proxy_of_b.freeze();
    // A heartbeat may be in front of it.
    const auto is_sent = [&] {
      return nodes.proxy_of_b.chunks_with("\"data\":100") > 0 ||
             (nodes.ended == 1 && nodes.proxy_of_b.unread_bytes() > 0);
    };
    CO_ASSERT_TRUE(co_await eventually(is_sent));
    nodes.proxy_of_b.drop_connections();
    nodes.proxy_of_b.thaw();
    EXPECT_TRUE(co_await succeeds(call));
    EXPECT_EQ(nodes.begun, 1);
    EXPECT_GE(nodes.pair.b.stats().answers_resent, 1U);
    EXPECT_EQ(nodes.pair.b.stats().answers_lost, 0U);
    co_await nodes.pair.stop();
  });
}

TEST(Resend, ARequestWaitsForATargetThatIsResubscribing) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    CountingPair nodes(executor);
    CO_ASSERT_TRUE(co_await nodes.start());
    const InstanceId target = nodes.pair.b.instance_id();
    nodes.proxy_of_b.hold_subscriptions();
    nodes.server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    RedisProbe probe = nodes.server.probe();
    const auto nobody_listens = [&] {
      return probe.command({"PUBSUB", "NUMSUB", channel_of(target)}).at(1) == 0 &&
             probe.command({"PUBSUB", "NUMSUB", channel_of(1)}).at(1) == 1;
    };
    CO_ASSERT_TRUE(co_await eventually(nobody_listens));
    const auto call = begin_wait(executor, nodes.pair.a, target, 0ms, 30s);
    co_await sleep_for(100ms);
    EXPECT_FALSE(call->is_done()) << call->what();
    nodes.proxy_of_b.release_subscriptions();
    EXPECT_TRUE(co_await succeeds(call));
    EXPECT_EQ(nodes.begun, 1);
    co_await nodes.pair.stop();
  });
}

TEST(Resend, ANodeThatDiedIsUnreachableLongBeforeTheTimeout) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    CountingPair nodes(executor);
    CO_ASSERT_TRUE(co_await nodes.start());
    const InstanceId target = nodes.pair.b.instance_id();
    // It does not come back, and its registration stays.
    nodes.proxy_of_b.cut();
    const auto call = begin_wait(executor, nodes.pair.a, target, 0ms, 10min);
    const auto is_done = [&] { return call->is_done(); };
    EXPECT_TRUE(co_await eventually(is_done, 60s));
    EXPECT_TRUE(call->failed_with<MeshNodeUnreachableError>()) << call->what();
    co_await nodes.pair.stop();
  });
}

// Its subscription was lost without its knowing.
TEST(Resend, ARequestWaitsLongerForATargetThatShowsThatItLives) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    CountingPair nodes(executor);
    CO_ASSERT_TRUE(co_await nodes.start());
    RedisProbe probe = nodes.server.probe();
    const auto beat = [&] {
      const auto now = std::to_string(probe.time().count());
      probe.command({"ZADD", key_of("heartbeats"), now, "1000"});
    };
    beat();
    const auto begin = std::chrono::steady_clock::now();
    const auto call = begin_wait(executor, nodes.pair.a, 1000, 0ms, 10min);
    const auto waits = [&] {
      beat();
      return !call->is_done();
    };
    EXPECT_TRUE(co_await holds_for(waits, 2500ms)) << call->what();
    RawPeer peer(nodes.server.options(), "test:mesh:" + mesh_key, 1000);
    const auto request = co_await peer.message(0);
    CO_ASSERT_TRUE(request.is_object());
    peer.send(nodes.pair.a.instance_id(),
              {{"requestId", request.at("requestId")}, {"reply", true}, {"data", 0}});
    EXPECT_TRUE(co_await succeeds(call));

    // Once it is removed, nobody waits any more.
    const auto other = begin_wait(executor, nodes.pair.a, 1001, 0ms, 10min);
    const auto is_done = [&] { return other->is_done(); };
    EXPECT_TRUE(co_await eventually(is_done));
    EXPECT_TRUE(other->failed_with<MeshNodeUnreachableError>()) << other->what();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1min);
    co_await nodes.pair.stop();
  });
}

// While others may be on their way back, which no heartbeat has to show.
TEST(Resend, AHeartbeatCountsFromWhenTheTargetWasFirstUnheard) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    LogCapture log;
    MeshOptions options = patient_options(server.options(), log);
    options.redis.reconnect_max_delay = 3s;
    options.heartbeat_interval = 20s;
    Node node(executor, mesh_key, options);
    register_handlers(node);
    co_await node.start();
    RedisProbe probe = server.probe();
    const auto beat = [&] {
      const auto now = std::to_string(probe.time().count());
      probe.command({"ZADD", key_of("heartbeats"), now, "1000"});
    };
    beat();
    server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    const auto is_back = [&] {
      return node.stats().reconnects == 1 && probe.subscribers(channel_of(node.instance_id())) == 1;
    };
    CO_ASSERT_TRUE(co_await eventually(is_back));
    const auto sent_before = probe.command_stats().calls("publish");
    const auto call = begin_wait(executor, node, 1000, 0ms, 10min);
    // Redis has been asked for the target's heartbeat.
    const auto is_sent_again = [&] {
      return probe.command_stats().calls("publish") >= sent_before + 4;
    };
    CO_ASSERT_TRUE(co_await eventually(is_sent_again));
    beat();
    // What began to count only now would be over: by 3 s, 1 s, and two questions.
    EXPECT_TRUE(co_await holds_for([&] { return !call->is_done(); }, 6500ms)) << call->what();
    RawPeer peer(server.options(), "test:mesh:" + mesh_key, 1000);
    const auto request = co_await peer.message(0);
    CO_ASSERT_TRUE(request.is_object());
    peer.send(node.instance_id(),
              {{"requestId", request.at("requestId")}, {"reply", true}, {"data", 0}});
    EXPECT_TRUE(co_await succeeds(call));
    co_await node.stop();
  });
}

TEST(Resend, NothingIsSentTwiceToANodeThatDoesNotSupportIt) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    CountingPair nodes(executor);
    CO_ASSERT_TRUE(co_await nodes.start());
    RawPeer peer(nodes.server.options(), "test:mesh:" + mesh_key, 1000);
    nodes.server.command({"ZADD", key_of("heartbeats"), "9999999999999", "1000"});
    nodes.proxy_of_a.hold_replies();
    const auto request = begin_wait(executor, nodes.pair.a, peer.id(), 0ms, 3s);
    const auto has_arrived = [&] { return peer.received().size() == 1; };
    CO_ASSERT_TRUE(co_await eventually(has_arrived));
    nodes.proxy_of_a.drop_connections();
    nodes.proxy_of_a.release_replies();
    const auto is_done = [&] { return request->is_done(); };
    EXPECT_TRUE(co_await eventually(is_done));
    EXPECT_TRUE(request->failed_with<MeshRequestTimeoutError>()) << request->what();

    // Nor is a response.
    peer.send(nodes.pair.b.instance_id(), peer.request("r-1", "wait", 200, 5000));
    const auto runs = [&] { return nodes.begun == 1; };
    CO_ASSERT_TRUE(co_await eventually(runs));
    nodes.proxy_of_b.hold_replies();
    const auto is_answered = [&] { return peer.received().size() == 2; };
    CO_ASSERT_TRUE(co_await eventually(is_answered));
    nodes.proxy_of_b.drop_connections();
    nodes.proxy_of_b.release_replies();
    const auto is_given_up = [&] { return nodes.pair.b.stats().answers_lost == 1; };
    EXPECT_TRUE(co_await eventually(is_given_up));
    EXPECT_EQ(peer.received().size(), 2U);
    EXPECT_EQ(nodes.pair.log.count("must not get it twice"), 1U);
    co_await nodes.pair.stop();
  });
}

/// Calls a node written by hand, whose owner's uuid is `owner` at first and `owner_then` after the
/// answer to the request was lost; returns what the node has received.
asio::awaitable<std::vector<nlohmann::json>> repeat_to(std::string owner, std::string owner_then) {
  const auto executor = co_await asio::this_coro::executor;
  CountingPair nodes(executor);
  co_await nodes.pair.start();
  RawPeer peer(nodes.server.options(), "test:mesh:" + mesh_key, 1000);
  nodes.server.command({"ZADD", key_of("heartbeats"), "9999999999999", "1000"});
  nodes.server.command({"SET", key_of("owner:1000"), owner});
  // Makes it known to the caller.
  const auto first = begin_wait(executor, nodes.pair.a, peer.id(), 0ms, 40s);
  const auto has_first = [&] { return peer.received().size() == 1; };
  EXPECT_TRUE(co_await eventually(has_first));
  peer.send(1,
            {{"requestId", peer.received().at(0).at("requestId")}, {"reply", true}, {"data", 0}});
  EXPECT_TRUE(co_await succeeds(first));

  nodes.proxy_of_a.hold_replies();
  const auto second = begin_wait(executor, nodes.pair.a, peer.id(), 0ms, 2s);
  const auto has_second = [&] { return peer.received().size() == 2; };
  EXPECT_TRUE(co_await eventually(has_second));
  nodes.server.command({"SET", key_of("owner:1000"), owner_then});
  nodes.proxy_of_a.drop_connections();
  nodes.proxy_of_a.release_replies();
  const auto is_done = [&] { return second->is_done(); };
  EXPECT_TRUE(co_await eventually(is_done));
  EXPECT_TRUE(second->failed_with<MeshRequestTimeoutError>()) << second->what();
  const auto received = peer.received();
  co_await nodes.pair.stop();
  co_return received;
}

TEST(Resend, ARequestIsRepeatedOnlyToTheNodeThatItWasSentTo) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto same = co_await repeat_to("uuid-1", "uuid-1");
    CO_ASSERT_TRUE(same.size() > 2);
    EXPECT_EQ(same.at(2).at("requestId"), same.at(1).at("requestId"));
    EXPECT_FALSE(same.at(1).contains("repeat"));
    EXPECT_EQ(same.at(2).at("repeat"), true);
    const auto another = co_await repeat_to("uuid-1", "uuid-2");
    EXPECT_EQ(another.size(), 2U);
  });
}

TEST(Resend, ACallAndItsAnswerSurviveThatRedisRestartsEmpty) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    CountingPair nodes(executor);
    CO_ASSERT_TRUE(co_await nodes.start());
    std::vector<std::shared_ptr<Call>> calls;
    for (int i = 0; i < 20; ++i) {
      calls.push_back(begin_wait(executor, nodes.pair.a, nodes.pair.b.instance_id(),
                                 milliseconds(20 * i), 40s));
    }
    const auto some_run = [&] { return nodes.begun > 3; };
    CO_ASSERT_TRUE(co_await eventually(some_run));
    nodes.server.restart();
    for (const auto& call : calls) EXPECT_TRUE(co_await succeeds(call));
    EXPECT_EQ(nodes.begun, 20);
    co_await nodes.pair.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
