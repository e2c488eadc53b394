// Several messages in one PUBLISH.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <integration/support/raw_peer.hpp>
#include <mesh/mesh.hpp>
#include <support/channel_recorder.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

constexpr std::int64_t burst = 128;
const std::string stem = "test:mesh:" + mesh_key;

/// In one turn.
std::vector<std::shared_ptr<Call>> begin_burst(const asio::any_io_executor& executor, Node& from,
                                               InstanceId to, std::int64_t count = burst) {
  std::vector<std::shared_ptr<Call>> calls;
  for (std::int64_t i = 0; i < count; ++i) {
    calls.push_back(begin_echo(executor, from, to, std::to_string(i), 50s));
  }
  return calls;
}

asio::awaitable<bool> all_end(const std::vector<std::shared_ptr<Call>>& calls) {
  const auto ended = [&] {
    for (const auto& call : calls) {
      if (!call->is_done()) return false;
    }
    return true;
  };
  co_return co_await eventually(ended, 40s);
}

void expect_answers(const std::vector<std::shared_ptr<Call>>& calls) {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(calls[i]->answer, std::to_string(i)) << calls[i]->what();
    EXPECT_EQ(calls[i]->completions, 1);
  }
}

/// As docs/protocol.md says.
constexpr char begin_of_frame = '\x01';

std::string frame_of(const std::vector<std::string>& messages) {
  std::string frame{begin_of_frame};
  for (const std::string& message : messages) {
    std::size_t length = message.size();
    for (; length >= 128; length /= 128) frame += static_cast<char>(length % 128 + 128);
    frame += static_cast<char>(length);
    frame += message;
  }
  return frame;
}

std::size_t frames_in(const ChannelRecorder& recorder) {
  std::size_t count = 0;
  for (const auto& message : recorder.messages()) {
    if (message.payload.front() == begin_of_frame) ++count;
  }
  return count;
}

TEST(FramesOfNodes, HoldTheCallsOfOneTurnAndTheirAnswers) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Pair pair(executor, server.options());
    co_await pair.start();
    EXPECT_TRUE(co_await echoes(pair.a, pair.b.instance_id(), 20s));
    RedisProbe probe = server.probe();
    const ChannelRecorder recorder(
        server.options(), {channel_of(pair.a.instance_id()), channel_of(pair.b.instance_id())});
    const auto before = probe.command_stats().calls("publish");
    const auto calls = begin_burst(executor, pair.a, pair.b.instance_id());
    EXPECT_TRUE(co_await all_end(calls));
    expect_answers(calls);
    // Without frames it would be two for each call.
    EXPECT_LT(probe.command_stats().calls("publish") - before, burst / 2);
    EXPECT_GE(frames_in(recorder), 2U);
    co_await pair.stop();
  });
}

TEST(FramesOfNodes, AreNotMadeOfSingleMessages) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Pair pair(executor, server.options());
    co_await pair.start();
    const ChannelRecorder recorder(
        server.options(), {channel_of(pair.a.instance_id()), channel_of(pair.b.instance_id())});
    for (int i = 0; i < 10; ++i) {
      EXPECT_TRUE(co_await echoes(pair.a, pair.b.instance_id(), 20s));
    }
    const auto all_came = [&] { return recorder.size() >= 20; };
    EXPECT_TRUE(co_await eventually(all_came));
    EXPECT_EQ(frames_in(recorder), 0U);
    co_await pair.stop();
  });
}

// As a node of the original, or of an earlier state of this library.
TEST(FramesOfNodes, AreForThoseWhoAnnounceThem) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Pair pair(executor, server.options());
    co_await pair.start();
    for (const std::string owner : {"", "6f1c.3"}) {
      const InstanceId id = owner.empty() ? 77 : 78;
      RedisProbe probe = server.probe();
      if (!owner.empty()) probe.command({"SET", key_of("owner:" + std::to_string(id)), owner});
      RawPeer peer(server.options(), stem, id);
      // Also once its owner is known.
      for (std::size_t round = 1; round <= 2; ++round) {
        const auto calls = begin_burst(executor, pair.a, id, 40);
        const auto all_came = [&] { return peer.received().size() >= round * 40; };
        CO_ASSERT_TRUE(co_await eventually(all_came));
        for (const auto& request : peer.received()) {
          peer.send(pair.a.instance_id(), {{"requestId", request.at("requestId")},
                                           {"reply", true},
                                           {"data", request.at("data")}});
        }
        EXPECT_TRUE(co_await all_end(calls));
        expect_answers(calls);
      }
      std::vector<std::string> frame;
      for (int i = 0; i < 30; ++i) {
        auto request = peer.request("r" + owner + std::to_string(i), "echo", "x", 10000);
        if (!owner.empty()) request["accepts"] = 3;
        frame.push_back(request.dump());
      }
      probe.publish(channel_of(pair.b.instance_id()), frame_of(frame));
      const auto all_answered = [&] { return peer.received().size() >= 110; };
      EXPECT_TRUE(co_await eventually(all_answered));
    }
    co_await pair.stop();
  });
}

TEST(FramesOfNodes, ThatReachNobodyFailEachCallAtOnce) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Pair pair(executor, server.options());
    co_await pair.start();
    const InstanceId gone = pair.b.instance_id();
    EXPECT_TRUE(co_await echoes(pair.a, gone, 20s));
    co_await pair.b.stop();
    RedisProbe probe = server.probe();
    const auto before = probe.command_stats().calls("publish");
    const auto calls = begin_burst(executor, pair.a, gone);
    EXPECT_TRUE(co_await all_end(calls));
    for (const auto& call : calls) EXPECT_TRUE(call->failed_with<MeshNodeUnreachableError>());
    EXPECT_LT(probe.command_stats().calls("publish") - before, burst / 2);
    co_await pair.a.stop();
  });
}

/// Nodes with proxies of their own, of which `b` counts what it runs and answers when it is told.
struct LosingPair {
  explicit LosingPair(const asio::any_io_executor& executor)
      : proxy_of_a(server),
        proxy_of_b(server),
        pair(executor, proxy_of_a.options(), proxy_of_b.options()) {
    pair.b.unregister_handler<"echo">();
    pair.b.register_handler<"echo">([this](std::string text) -> asio::awaitable<std::string> {
      ++runs[text];
      while (!may_answer) co_await sleep_for(1ms);
      co_return text;
    });
  }

  asio::awaitable<bool> start() {
    co_await pair.start();
    co_return co_await echoes(pair.a, pair.b.instance_id(), 20s);
  }

  bool all_run() const { return runs.size() == static_cast<std::size_t>(burst) + 1; }

  asio::awaitable<void> expect_all_answered(const std::vector<std::shared_ptr<Call>>& calls) {
    may_answer = true;
    EXPECT_TRUE(co_await all_end(calls));
    expect_answers(calls);
    EXPECT_TRUE(all_run());
    for (const auto& [text, times] : runs) EXPECT_EQ(times, 1) << text;
    co_await pair.stop();
  }

  RedisServer server;
  RedisProxy proxy_of_a;
  RedisProxy proxy_of_b;
  Pair pair;
  std::map<std::string, int> runs;
  bool may_answer = true;
};

TEST(FramesOfNodes, ThatAreLostWithTheConnectionAreSentAgain) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    LosingPair nodes(executor);
    CO_ASSERT_TRUE(co_await nodes.start());
    nodes.proxy_of_a.freeze();
    const auto calls = begin_burst(executor, nodes.pair.a, nodes.pair.b.instance_id());
    // It may have begun to read before.
    const auto before = nodes.proxy_of_a.chunks_with(R"(:"127"})");
    const auto have_left = [&] {
      return nodes.proxy_of_a.unread_bytes() > 0 ||
             nodes.proxy_of_a.chunks_with(R"(:"127"})") > before;
    };
    CO_ASSERT_TRUE(co_await eventually(have_left));
    nodes.proxy_of_a.drop_connections();
    nodes.proxy_of_a.thaw();
    co_await nodes.expect_all_answered(calls);
    EXPECT_GE(nodes.pair.a.stats().calls_resent, static_cast<std::uint64_t>(burst));
  });
}

TEST(FramesOfNodes, ThatMayHaveArrivedAreSentAgainAndRunOnce) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    LosingPair nodes(executor);
    CO_ASSERT_TRUE(co_await nodes.start());
    nodes.proxy_of_a.hold_replies();
    const auto calls = begin_burst(executor, nodes.pair.a, nodes.pair.b.instance_id());
    const auto all_run = [&] { return nodes.all_run(); };
    CO_ASSERT_TRUE(co_await eventually(all_run));
    nodes.proxy_of_a.drop_connections();
    nodes.proxy_of_a.release_replies();
    co_await nodes.expect_all_answered(calls);
    EXPECT_GE(nodes.pair.b.stats().requests_repeated, 1U);
  });
}

TEST(FramesOfNodes, OfAnswersThatAreLostAreSentAgain) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    LosingPair nodes(executor);
    CO_ASSERT_TRUE(co_await nodes.start());
    nodes.may_answer = false;
    const auto calls = begin_burst(executor, nodes.pair.a, nodes.pair.b.instance_id());
    const auto all_run = [&] { return nodes.all_run(); };
    CO_ASSERT_TRUE(co_await eventually(all_run));
    nodes.proxy_of_b.freeze();
    nodes.may_answer = true;
    const auto before = nodes.proxy_of_b.chunks_with("reply");
    const auto some_left = [&] {
      return nodes.proxy_of_b.unread_bytes() > 0 || nodes.proxy_of_b.chunks_with("reply") > before;
    };
    CO_ASSERT_TRUE(co_await eventually(some_left));
    nodes.proxy_of_b.drop_connections();
    nodes.proxy_of_b.thaw();
    co_await nodes.expect_all_answered(calls);
    EXPECT_GE(nodes.pair.b.stats().answers_resent, 2U);
    EXPECT_EQ(nodes.pair.b.stats().answers_lost, 0U);
  });
}

TEST(FramesOfNodes, AreReadAsFarAsTheyAreGood) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Pair pair(executor, server.options());
    co_await pair.start();
    RawPeer peer(server.options(), stem, 77);
    std::vector<std::string> frame;
    frame.push_back(peer.request("good", "echo", "x", 10000).dump());
    frame.push_back("no JSON");
    frame.push_back(peer.request("behind", "echo", "y", 10000).dump());
    frame.push_back(peer.request("cut", "echo", "z", 10000).dump());
    std::string text = frame_of(frame);
    text.pop_back();
    server.probe().publish(channel_of(pair.a.instance_id()), text);
    EXPECT_EQ((co_await peer.message(0)).value("requestId", ""), "good");
    EXPECT_EQ((co_await peer.message(1)).value("requestId", ""), "behind");
    EXPECT_EQ(pair.a.stats().messages_dropped, 2U);
    EXPECT_TRUE(co_await echoes(pair.b, pair.a.instance_id(), 20s));
    EXPECT_EQ(peer.received().size(), 2U);
    co_await pair.stop();
  });
}

TEST(FramesOfNodes, MayBeLargerThanAMessageMayBe) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    LogCapture log;
    MeshOptions options = patient_options(server.options(), log);
    Node caller(executor, mesh_key, options);
    options.limits.message_size = 400;
    Node target(executor, mesh_key, options);
    register_handlers(target);
    co_await caller.start();
    co_await target.start();
    EXPECT_TRUE(co_await echoes(caller, target.instance_id(), 20s));
    const auto calls = begin_burst(executor, caller, target.instance_id());
    const auto too_large =
        begin_echo(executor, caller, target.instance_id(), std::string(500, 'x'), 20s);
    EXPECT_TRUE(co_await all_end(calls));
    expect_answers(calls);
    const auto has_ended = [&] { return too_large->is_done(); };
    EXPECT_TRUE(co_await eventually(has_ended, 40s));
    EXPECT_TRUE(too_large->failed_with<MeshRefusedError>()) << too_large->what();
    co_await caller.stop();
    co_await target.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
