// Answers to callers that do not listen.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/support/raw_peer.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

const std::string mesh_stem = "test:mesh:" + mesh_key;

/// A node, and callers whose requests are written by hand.
struct LostCallers {
  explicit LostCallers(const asio::any_io_executor& executor, const MeshLimits& limits = {})
      : node(executor, mesh_key, options(limits)), probe(server.probe()) {
    register_handlers(node);
  }
  MeshOptions options(const MeshLimits& limits) const {
    MeshOptions result = patient_options(server.options(), log);
    result.limits = limits;
    return result;
  }

  void register_caller(InstanceId id) {
    const auto now = std::to_string(probe.time().count());
    probe.command({"ZADD", key_of("heartbeats"), now, std::to_string(id)});
  }
  void ask(InstanceId caller, const std::string& request_id, int timeout_ms = 600000) {
    const nlohmann::json request = {{"requestId", request_id},
                                    {"senderInstanceId", caller},
                                    {"type", "echo"},
                                    {"data", "hello"},
                                    {"timeoutMs", timeout_ms}};
    probe.publish(channel_of(node.instance_id()), request.dump());
  }
  /// Redis sends so many requests at once.
  void ask_at_once(InstanceId caller, int count) {
    const std::string script = R"(
      for i = 1, tonumber(ARGV[2]) do
        redis.call('PUBLISH', ARGV[1], '{"requestId":"' .. i .. '","senderInstanceId":' .. ARGV[3] ..
                   ',"type":"echo","data":"hello","timeoutMs":600000}')
      end)";
    probe.command({"EVAL", script, "0", channel_of(node.instance_id()), std::to_string(count),
                   std::to_string(caller)});
  }
  /// The node has learned that there is somebody who watches everything.
  asio::awaitable<bool> knows_of_others(RawPeer& caller) {
    const auto before = calls_of("eval");
    ask(caller.id(), "of others");
    co_return co_await eventually(
        [&] { return calls_of("eval") > before && caller.received().size() == 1; });
  }
  std::int64_t calls_of(const std::string& command) { return probe.command_stats().calls(command); }

  RedisServer server;
  LogCapture log;
  Node node;
  RedisProbe probe;
};

TEST(LostCallers, SomebodyWhoWatchesByAPatternDoesNotPassForThem) {
  run_coroutine([]() -> asio::awaitable<void> {
    LostCallers rig(co_await asio::this_coro::executor);
    co_await rig.node.start();
    RedisProbe monitor = rig.server.probe();
    monitor.command({"PSUBSCRIBE", "*"});
    rig.register_caller(1000);
    auto caller = std::make_unique<RawPeer>(rig.server.options(), mesh_stem, 1000);
    // The node learns of the other when it answers.
    const auto asked_before = rig.calls_of("eval");
    rig.ask(1000, "first");
    const auto has_asked = [&] { return rig.calls_of("eval") > asked_before; };
    CO_ASSERT_TRUE(co_await eventually(has_asked));
    rig.ask(1000, "second");
    const auto has_both = [&] { return caller->received().size() == 2; };
    CO_ASSERT_TRUE(co_await eventually(has_both));
    caller.reset();
    const auto is_away = [&] { return rig.probe.subscribers(channel_of(1000)) == 0; };
    CO_ASSERT_TRUE(co_await eventually(is_away));
    rig.ask(1000, "third");
    const auto is_answered = [&] { return rig.node.stats().requests_received == 3; };
    CO_ASSERT_TRUE(co_await eventually(is_answered));
    caller = std::make_unique<RawPeer>(rig.server.options(), mesh_stem, 1000);
    const auto message = co_await caller->message(0);
    CO_ASSERT_TRUE(message.is_object());
    EXPECT_EQ(message.at("requestId"), "third");
    co_await rig.node.stop();
  });
}

// PUBLISH counted only who watched, who is gone when the caller comes.
TEST(LostCallers, AnAnswerThatOnlyAWatcherGotIsBroughtToThem) {
  run_coroutine([]() -> asio::awaitable<void> {
    LostCallers rig(co_await asio::this_coro::executor);
    co_await rig.node.start();
    rig.register_caller(1000);
    auto monitor = std::make_unique<RedisProbe>(rig.server.probe());
    monitor->command({"PSUBSCRIBE", "*"});
    auto caller = std::make_unique<RawPeer>(rig.server.options(), mesh_stem, 1000);
    CO_ASSERT_TRUE(co_await rig.knows_of_others(*caller));
    caller.reset();
    const auto is_away = [&] { return rig.probe.subscribers(channel_of(1000)) == 0; };
    CO_ASSERT_TRUE(co_await eventually(is_away));
    const auto asked_before = rig.calls_of("eval");
    rig.ask(1000, "later");
    const auto has_asked = [&] { return rig.calls_of("eval") > asked_before; };
    CO_ASSERT_TRUE(co_await eventually(has_asked));
    monitor.reset();
    const auto is_alone = [&] { return rig.probe.integer({"PUBSUB", "NUMPAT"}) == 0; };
    CO_ASSERT_TRUE(co_await eventually(is_alone));
    caller = std::make_unique<RawPeer>(rig.server.options(), mesh_stem, 1000);
    const auto message = co_await caller->message(0);
    CO_ASSERT_TRUE(message.is_object());
    EXPECT_EQ(message.at("requestId"), "later");
    EXPECT_EQ(rig.node.stats().answers_lost, 0U);
    co_await rig.node.stop();
  });
}

// Who watches only the channel that tells of others makes it count one too many.
TEST(LostCallers, AnAnswerThatWasBroughtToThemIsNotSentForEver) {
  run_coroutine([]() -> asio::awaitable<void> {
    LostCallers rig(co_await asio::this_coro::executor);
    co_await rig.node.start();
    rig.register_caller(1000);
    RedisProbe monitor = rig.server.probe();
    monitor.command({"PSUBSCRIBE", "*:0"});
    RawPeer caller(rig.server.options(), mesh_stem, 1000);
    CO_ASSERT_TRUE(co_await rig.knows_of_others(caller));
    rig.ask(1000, "once more");
    const auto is_resent = [&] { return rig.node.stats().answers_resent == 1; };
    CO_ASSERT_TRUE(co_await eventually(is_resent));
    // The next times would come within half a second.
    co_await sleep_for(700ms);
    EXPECT_EQ(rig.node.stats().answers_resent, 1U);
    EXPECT_EQ(caller.received().size(), 3U);
    co_await rig.node.stop();
  });
}

TEST(LostCallers, WhoSubscribesToNobodysChannelIsNotCountedAmongOthers) {
  run_coroutine([]() -> asio::awaitable<void> {
    LostCallers rig(co_await asio::this_coro::executor);
    co_await rig.node.start();
    rig.register_caller(1000);
    const RawPeer nobody(rig.server.options(), mesh_stem, 0);
    RawPeer caller(rig.server.options(), mesh_stem, 1000);
    CO_ASSERT_TRUE(co_await rig.knows_of_others(caller));
    const auto asked_before = rig.calls_of("eval");
    rig.ask(1000, "once");
    CO_ASSERT_TRUE(co_await eventually([&] { return caller.received().size() == 2; }));
    co_await sleep_for(300ms);
    EXPECT_EQ(rig.node.stats().answers_resent, 0U);
    EXPECT_EQ(rig.calls_of("eval"), asked_before);
    co_await rig.node.stop();
  });
}

// Until it asks again, the node takes the caller for the watcher. It may not ask, so that this
// lasts.
TEST(LostCallers, WhatTheyHaveReceivedIsNotLostWhenTheWatcherLeaves) {
  run_coroutine([]() -> asio::awaitable<void> {
    constexpr int count = 120;
    MeshLimits limits;
    limits.queued_bytes = std::size_t{16} << 10U;
    LostCallers rig(co_await asio::this_coro::executor, limits);
    co_await rig.node.start();
    rig.register_caller(1000);
    auto monitor = std::make_unique<RedisProbe>(rig.server.probe());
    monitor->command({"PSUBSCRIBE", "*"});
    RawPeer caller(rig.server.options(), mesh_stem, 1000);
    CO_ASSERT_TRUE(co_await rig.knows_of_others(caller));
    rig.server.command({"ACL", "SETUSER", RedisServer::user(), "-pubsub|numsub"});
    monitor.reset();
    const auto is_alone = [&] { return rig.probe.integer({"PUBSUB", "NUMPAT"}) == 0; };
    CO_ASSERT_TRUE(co_await eventually(is_alone));
    rig.ask_at_once(1000, count);
    const auto have_come = [&] {
      std::set<std::string> ids;
      for (const auto& message : caller.received()) ids.insert(message.at("requestId"));
      return ids.size() == count + 1;
    };
    EXPECT_TRUE(co_await eventually(have_come)) << caller.received().size();
    const auto are_settled = [&] { return rig.node.stats().answers_resent > 0; };
    EXPECT_TRUE(co_await eventually(are_settled));
    EXPECT_EQ(rig.node.stats().answers_lost, 0U) << rig.log.text();
    co_await rig.node.stop();
  });
}

TEST(LostCallers, AnAnswerDoesNotOutlastItsTimeWhileRedisIsGone) {
  run_coroutine([]() -> asio::awaitable<void> {
    LostCallers rig(co_await asio::this_coro::executor);
    co_await rig.node.start();
    rig.register_caller(1000);
    const auto asked_before = rig.calls_of("eval");
    rig.ask(1000, "late", 2000);
    const auto has_asked = [&] { return rig.calls_of("eval") > asked_before; };
    CO_ASSERT_TRUE(co_await eventually(has_asked));
    rig.server.kill();
    const auto is_lost = [&] { return rig.node.stats().answers_lost == 1; };
    EXPECT_TRUE(co_await eventually(is_lost, 40s));
    EXPECT_TRUE(rig.log.contains("did not listen in time")) << rig.log.text();
    co_await rig.node.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
