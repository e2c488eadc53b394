#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

/// How often one of a node's two connections was lost.
std::size_t losses(const LogCapture& log) { return log.count("lost the connection"); }

/// `a` talks through the proxy, `b` is never disturbed.
struct ProxiedPair {
  explicit ProxiedPair(const asio::any_io_executor& executor)
      : proxy(server), pair(executor, proxy.options(), server.options()) {}

  /// Cuts `a` off and returns when it has noticed.
  asio::awaitable<bool> cut_off() {
    proxy.cut();
    const auto noticed = [this] { return losses(pair.log) >= 2; };
    co_return co_await eventually(noticed);
  }

  RedisServer server;
  RedisProxy proxy;
  Pair pair;
};

TEST(Reconnect, ARequestThatExpiresWhileItIsHeldIsNotRun) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    ProxiedPair proxied(executor);
    Pair& pair = proxied.pair;
    std::vector<std::string> handled;
    pair.a.register_handler<"echo">([&](const std::string& text) {
      handled.push_back(text);
      return text;
    });
    co_await pair.start();
    CO_ASSERT_TRUE(co_await echoes(pair.b, pair.a.instance_id(), 20s));
    // Only the subscription of `a` is left.
    proxied.proxy.refuse_connections();
    const auto before = losses(pair.log);
    proxied.server.command({"CLIENT", "KILL", "TYPE", "normal"});
    const auto is_lost = [&] { return losses(pair.log) >= before + 2; };
    CO_ASSERT_TRUE(co_await eventually(is_lost));
    co_await pair.b.get_nodes();  // when it is back
    const auto hasty = begin_echo(executor, pair.b, pair.a.instance_id(), "expires", 1s);
    const auto patient = begin_echo(executor, pair.b, pair.a.instance_id(), "waits", 60s);
    const auto has_ended = [&] { return hasty->is_done(); };
    CO_ASSERT_TRUE(co_await eventually(has_ended));
    EXPECT_TRUE(hasty->failed_with<MeshRequestTimeoutError>()) << hasty->what();
    co_await sleep_for(500ms);  // its time began there a little later
    proxied.proxy.restore();
    const auto is_answered = [&] { return patient->is_done(); };
    EXPECT_TRUE(co_await eventually(is_answered));
    EXPECT_TRUE(patient->succeeded) << patient->what();
    EXPECT_EQ(handled, (std::vector<std::string>{"are you there?", "waits"}));
    co_await pair.stop();
  });
}

// Redis restarts; see fault_table_test.cpp for more
// ------------------------------------------------

TEST(Reconnect, ServiceOnAUnixSocketComesBack) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    Pair pair(co_await asio::this_coro::executor, server.socket_options());
    co_await pair.start();
    server.restart();
    EXPECT_TRUE(co_await recovers(pair.a, pair.b.instance_id()));
    co_await pair.stop();
  });
}

TEST(Reconnect, ScriptsThatRedisForgotAreSentAgain) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    Pair pair(co_await asio::this_coro::executor, server.options());
    co_await pair.start();
    const auto leads = [&] { return pair.a.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(leads));
    const auto before = co_await pair.a.get_nodes();
    RedisProbe probe = server.probe();
    probe.command({"SCRIPT", "FLUSH"});
    const auto after = co_await pair.a.get_nodes();
    EXPECT_EQ(after, before);
    const auto last_heartbeat = probe.zscore(key_of("heartbeats"), "1");
    const auto beats_on = [&] { return probe.zscore(key_of("heartbeats"), "1") > last_heartbeat; };
    EXPECT_TRUE(co_await eventually(beats_on));
    // The renewal and the cleanup too.
    probe.command({"ZADD", key_of("heartbeats"), "1000", "77"});
    const auto is_removed = [&] { return !probe.zscore(key_of("heartbeats"), "77"); };
    EXPECT_TRUE(co_await eventually(is_removed));
    const auto is_led = [&] { return pair.a.leader().is_leader() || pair.b.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(is_led));
    probe.command({"SCRIPT", "FLUSH"});
    Node late(co_await asio::this_coro::executor, mesh_key,
              patient_options(server.options(), pair.log));
    co_await late.start();
    EXPECT_EQ(late.instance_id(), 3);
    co_await late.stop();
    probe.command({"SCRIPT", "FLUSH"});
    co_await pair.stop();
    EXPECT_FALSE(probe.exists(key_of("heartbeats")));
    EXPECT_FALSE(probe.exists(mesh_lock));
    EXPECT_FALSE(pair.log.contains("NOSCRIPT")) << pair.log.text();
  });
}

TEST(Reconnect, AnIdleConnectionPassesItsHealthChecks) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    LogCapture log;
    MeshOptions options = patient_options(server.options(), log);
    options.redis.health_check_interval = 1s;
    options.heartbeat_interval = 50s;
    options.leader.ttl = 60s;
    options.leader.renewal_interval = 50s;
    options.leader.retry_delay = 50s;
    RedisProbe probe = server.probe();
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    co_await node.start();
    const auto pings = [&] { return probe.command_stats().calls("ping"); };
    const auto before = pings();
    const auto both_checked_thrice = [&] { return pings() >= before + 6; };
    EXPECT_TRUE(co_await eventually(both_checked_thrice));
    EXPECT_EQ(node.stats().reconnects, 0U) << log.text();
    co_await node.stop();
  });
}

// What callers notice -----------------------------------------------------------------------------

TEST(Reconnect, ACallWaitsForTheConnectionWithinItsTimeout) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    ProxiedPair net(executor);
    co_await net.pair.start();
    CO_ASSERT_TRUE(co_await net.cut_off());
    const auto call = begin_echo(executor, net.pair.a, net.pair.b.instance_id(), "patience", 50s);
    const auto waits = [&] { return !call->is_done(); };
    EXPECT_TRUE(co_await holds_for(waits, 300ms)) << call->what();
    net.proxy.restore();
    const auto is_done = [&] { return call->is_done(); };
    EXPECT_TRUE(co_await eventually(is_done));
    EXPECT_TRUE(call->succeeded) << call->what();
    EXPECT_EQ(call->answer, "patience");
    co_await net.pair.stop();
    EXPECT_EQ(call->completions, 1);
  });
}

TEST(Reconnect, ACallWhoseTimeoutPassesMeanwhileSaysThatItWasNeverSent) {
  run_coroutine([]() -> asio::awaitable<void> {
    ProxiedPair net(co_await asio::this_coro::executor);
    co_await net.pair.start();
    CO_ASSERT_TRUE(co_await net.cut_off());
    const std::string text = "too late";
    const auto begin = std::chrono::steady_clock::now();
    const InstanceId target = net.pair.b.instance_id();
    const auto error = co_await expect_error<MeshConnectionError>(
        net.pair.a.invoke<"echo">(target, text, {.timeout = 200ms}));
    CO_ASSERT_TRUE(error);
    EXPECT_NE(error->cause().find("never sent"), std::string::npos) << error->cause();
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 200ms);
    net.proxy.restore();
    EXPECT_TRUE(co_await echoes(net.pair.a, target, 20s));
    // It is not sent after all.
    EXPECT_EQ(net.proxy.chunks_with(text), 0U);
    co_await net.pair.stop();
  });
}

TEST(Reconnect, ABroadcastAndAListingWaitForTheConnection) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    ProxiedPair net(executor);
    std::vector<std::string> received;
    net.pair.b.register_broadcast_handler<"news">(
        [&](const std::string& text) { received.push_back(text); });
    co_await net.pair.start();
    CO_ASSERT_TRUE(co_await net.cut_off());
    std::optional<std::exception_ptr> broadcast;
    std::optional<std::size_t> listed;
    auto sent = [&](std::exception_ptr error) { broadcast = std::move(error); };
    auto counted = [&](std::exception_ptr error, std::vector<MeshNode> nodes) {
      if (!error) listed = nodes.size();
    };
    net.pair.a.broadcast<"news">("spring", {}, asio::bind_executor(executor, sent));
    net.pair.a.get_nodes(asio::bind_executor(executor, counted));
    const auto wait = [&] { return !broadcast && !listed; };
    EXPECT_TRUE(co_await holds_for(wait, 200ms));
    net.proxy.restore();
    const auto both_done = [&] { return broadcast && listed; };
    EXPECT_TRUE(co_await eventually(both_done));
    EXPECT_TRUE(broadcast && *broadcast == nullptr);
    EXPECT_EQ(listed, 2U);
    const auto arrived = [&] { return received == std::vector<std::string>{"spring"}; };
    EXPECT_TRUE(co_await eventually(arrived));
    co_await net.pair.stop();
  });
}

TEST(Reconnect, AnAnswerWaitsForTheConnectionOfTheAnsweringNode) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    ProxiedPair net(executor);
    int handled = 0;
    bool may_answer = false;
    net.pair.a.register_handler<"echo">([&](std::string text) -> asio::awaitable<std::string> {
      ++handled;
      const auto allowed = [&] { return may_answer; };
      co_await eventually(allowed, 50s);
      co_return text;
    });
    co_await net.pair.start();
    const auto call = begin_echo(executor, net.pair.b, net.pair.a.instance_id(), "hello", 50s);
    const auto begun = [&] { return handled == 1; };
    CO_ASSERT_TRUE(co_await eventually(begun));
    CO_ASSERT_TRUE(co_await net.cut_off());
    may_answer = true;
    const auto waits = [&] { return !call->is_done(); };
    EXPECT_TRUE(co_await holds_for(waits, 200ms));
    net.proxy.restore();
    const auto is_done = [&] { return call->is_done(); };
    EXPECT_TRUE(co_await eventually(is_done));
    EXPECT_TRUE(call->succeeded) << call->what();
    EXPECT_EQ(handled, 1);
    co_await net.pair.stop();
  });
}

TEST(Reconnect, TheSubscriptionIsRestoredBeforeCallsAreSent) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    ProxiedPair net(executor);
    co_await net.pair.start();
    const auto subscriptions = net.proxy.chunks_with("SUBSCRIBE");
    const auto reconnects = net.pair.a.stats().reconnects;
    net.proxy.hold_subscriptions();
    net.proxy.drop_connections();
    const auto resubscribes = [&] {
      return net.proxy.chunks_with("SUBSCRIBE") > subscriptions &&
             net.pair.a.stats().reconnects > reconnects;  // the commands'
    };
    CO_ASSERT_TRUE(co_await eventually(resubscribes));
    const auto call = begin_echo(executor, net.pair.a, net.pair.b.instance_id(), "not-yet", 50s);
    const auto is_held = [&] { return net.proxy.chunks_with("not-yet") == 0; };
    EXPECT_TRUE(co_await holds_for(is_held, 300ms));
    net.proxy.release_subscriptions();
    const auto is_done = [&] { return call->is_done(); };
    EXPECT_TRUE(co_await eventually(is_done));
    EXPECT_TRUE(call->succeeded) << call->what();
    co_await net.pair.stop();
  });
}

TEST(Reconnect, EachOf200CallsHasOneOutcomeAcrossARestart) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    RedisServer server;
    Pair pair(executor, server.options());
    std::map<std::string, int> handled;
    pair.b.register_handler<"echo">([&](std::string text) -> asio::awaitable<std::string> {
      ++handled[text];
      co_await sleep_for(5ms);
      co_return text;
    });
    co_await pair.start();
    std::vector<std::shared_ptr<Call>> calls;
    const auto begin_some = [&](int count) {
      for (int i = 0; i < count; ++i) {
        const std::string text = "call " + std::to_string(calls.size());
        calls.push_back(begin_echo(executor, pair.a, pair.b.instance_id(), text, 3s));
      }
    };
    begin_some(50);
    co_await sleep_for(3ms);
    begin_some(50);
    server.kill();
    begin_some(50);
    co_await sleep_for(300ms);
    server.start();
    begin_some(50);
    const auto all_done = [&] {
      return std::ranges::all_of(calls, [](const auto& call) { return call->is_done(); });
    };
    EXPECT_TRUE(co_await eventually(all_done, 40s));
    EXPECT_TRUE(co_await recovers(pair.a, pair.b.instance_id()));
    co_await pair.stop();
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const Call& call = *calls[i];
      const std::string text = "call " + std::to_string(i);
      EXPECT_EQ(call.completions, 1) << text;
      EXPECT_LE(handled[text], 1) << text;
      if (call.succeeded) {
        EXPECT_EQ(call.answer, text);
        EXPECT_EQ(handled[text], 1) << text;
      } else {
        EXPECT_TRUE(call.failed_with<MeshRequestTimeoutError>() ||
                    call.failed_with<MeshNodeUnreachableError>() ||
                    call.failed_with<MeshConnectionError>())
            << text << ": " << call.what();
      }
    }
    const MeshStats stats = pair.a.stats();
    EXPECT_EQ(stats.calls_sent, stats.calls_succeeded + stats.calls_failed);
    EXPECT_GE(stats.calls_sent, 200U);
  });
}

// Back-off ----------------------------------------------------------------------------------------

TEST(Reconnect, AttemptsAreSpacedByAGrowingBackoff) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    RedisProxy proxy(server);
    RedisOptions redis = proxy.options();
    redis.reconnect_min_delay = 40ms;
    redis.reconnect_max_delay = 10s;
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    co_await node.start();
    EXPECT_EQ(proxy.accepted(), 2U);
    const auto begin = std::chrono::steady_clock::now();
    proxy.cut();
    const auto tries = [&] { return proxy.accepted() >= 2 + 4; };
    EXPECT_TRUE(co_await eventually(tries));
    co_await sleep_for(1s);
    const auto elapsed = std::chrono::steady_clock::now() - begin;
    const auto attempts = proxy.accepted() - 2;
    // Even at the shortest delay for both connections.
    EXPECT_LE(attempts, 2 * static_cast<std::size_t>(elapsed / 40ms + 1));
    proxy.restore();
    // An outage does not fill the log.
    EXPECT_LE(log.count("", LogLevel::warning), 10U) << log.text();
    co_await node.stop();
  });
}

TEST(Reconnect, AServerThatHangsUpAtOnceIsNotHammered) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    RedisProxy proxy(server);
    RedisOptions redis = proxy.options();
    redis.reconnect_min_delay = 20ms;
    redis.reconnect_max_delay = 1s;
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    co_await node.start();
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < 1s) {
      // Often after the handshake.
      proxy.drop_connections();
      co_await sleep_for(10ms);
    }
    const auto elapsed = std::chrono::steady_clock::now() - begin;
    EXPECT_LE(proxy.accepted(), 2 + 2 * static_cast<std::size_t>(elapsed / 20ms + 1));
    // Nor is the log filled: once for each connection and way to fail.
    EXPECT_LE(log.count("", LogLevel::warning), 12U) << log.text();
    EXPECT_LE(log.count("", LogLevel::info), 24U) << log.text();
    co_await node.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
