#include <gtest/gtest.h>

#include <chrono>
#include <memory>
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

constexpr std::size_t burst = 30;         // leaves in one write
constexpr std::size_t large_burst = 100;  // leaves in four

/// A node behind a proxy that sends nothing but what the test asks for, and one to call.
struct QuietNode {
  explicit QuietNode(const asio::any_io_executor& executor)
      : proxy(server),
        node(executor, mesh_key, quiet(proxy.options())),
        target(executor, mesh_key, quiet(server.options())) {
    register_handlers(target);
  }

  MeshOptions quiet(const RedisOptions& redis) const {
    MeshOptions options = patient_options(redis, log);
    options.heartbeat_interval = 10min;
    options.node_ttl = 20min;
    options.leader.ttl = 20min;
    options.leader.renewal_interval = 10min;
    options.redis.health_check_interval = 10min;
    return options;
  }
  asio::awaitable<bool> start() {
    co_await node.start();
    const auto leads = [this] { return node.leader().is_leader(); };
    if (!co_await eventually(leads)) co_return false;
    co_await target.start();
    co_return co_await echoes(node, target.instance_id(), 30s);
  }
  asio::awaitable<void> stop() {
    co_await node.stop();
    co_await target.stop();
  }

  RedisServer server;
  RedisProxy proxy;
  LogCapture log;
  Node node;
  Node target;
};

/// In one turn.
std::vector<std::shared_ptr<Call>> begin_burst(const asio::any_io_executor& executor,
                                               QuietNode& quiet, std::size_t count) {
  std::vector<std::shared_ptr<Call>> calls;
  for (std::size_t i = 0; i < count; ++i) {
    calls.push_back(begin_echo(executor, quiet.node, quiet.target.instance_id(), "x", 50s));
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
  co_return co_await eventually(ended);
}

/// Each write to a connection without Nagle's delay is a segment of its own, unless it is large.
void expect_segments_of_burst(std::size_t calls_in_one_turn, std::uint64_t segments) {
  run_coroutine([=]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    QuietNode quiet(executor);
    CO_ASSERT_TRUE(co_await quiet.start());
    const auto before = quiet.proxy.data_segments();
    const auto calls = begin_burst(executor, quiet, calls_in_one_turn);
    EXPECT_TRUE(co_await all_end(calls));
    for (const auto& call : calls) EXPECT_TRUE(call->succeeded) << call->what();
    EXPECT_EQ(quiet.proxy.data_segments() - before, segments);
    co_await quiet.stop();
  });
}

TEST(Pipelining, CallsBegunInOneTurnLeaveInOneWrite) { expect_segments_of_burst(burst, 1); }

TEST(Pipelining, ManyCallsBegunInOneTurnLeaveInAFewWrites) {
  expect_segments_of_burst(large_burst, 4);
}

TEST(Pipelining, CallsThatWaitForEachOtherLeaveInWritesOfTheirOwn) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    QuietNode quiet(executor);
    CO_ASSERT_TRUE(co_await quiet.start());
    // So the count above would show them.
    const auto before = quiet.proxy.data_segments();
    for (int i = 0; i < 10; ++i) {
      const std::string text = "x";
      co_await quiet.node.invoke<"echo">(quiet.target.instance_id(), text);
    }
    EXPECT_EQ(quiet.proxy.data_segments() - before, 10U);
    co_await quiet.stop();
  });
}

TEST(Pipelining, CallsHeldWhileDisconnectedLeaveTogether) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    QuietNode quiet(executor);
    CO_ASSERT_TRUE(co_await quiet.start());
    quiet.proxy.cut();
    const auto noticed = [&] { return quiet.log.count("lost the connection") >= 2; };
    CO_ASSERT_TRUE(co_await eventually(noticed));
    const auto calls = begin_burst(executor, quiet, burst);
    quiet.proxy.restore();
    EXPECT_TRUE(co_await all_end(calls));
    for (const auto& call : calls) EXPECT_TRUE(call->succeeded) << call->what();
    // Beside them there are the handshakes, the subscriptions and a heartbeat.
    EXPECT_LE(quiet.proxy.data_segments(), 10U);
    co_await quiet.stop();
  });
}

TEST(Pipelining, ManyCallsAtOnceKeepTheirAnswers) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Pair pair(executor, server.options());
    co_await pair.start();
    std::vector<std::shared_ptr<Call>> calls;
    for (int i = 0; i < 1000; ++i) {
      Node& from = i % 2 == 0 ? pair.a : pair.b;
      Node& to = i % 2 == 0 ? pair.b : pair.a;
      calls.push_back(begin_echo(executor, from, to.instance_id(), std::to_string(i), 50s));
    }
    EXPECT_TRUE(co_await all_end(calls));
    for (std::size_t i = 0; i < calls.size(); ++i) EXPECT_EQ(calls[i]->answer, std::to_string(i));
    co_await pair.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
