#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

/// Redis is away for a while.
struct Outage {
  std::function<void(RedisServer&)> begin;
  std::chrono::milliseconds lasting{0};
  std::function<void(RedisServer&)> end;
};

/// Calls in both directions, until it is told to stop.
struct Caller {
  asio::any_io_executor executor;
  Pair& pair;
  std::vector<std::shared_ptr<Call>> calls{};

  asio::awaitable<void> call_for(std::chrono::milliseconds duration) {
    const auto end = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < end) {
      const std::string text = std::to_string(calls.size());
      calls.push_back(begin_echo(executor, pair.a, 2, text, timeout));
      calls.push_back(begin_echo(executor, pair.b, 1, text, timeout));
      co_await sleep_for(10ms);
    }
  }

  // 2 s more than the longest outage.
  static constexpr std::chrono::milliseconds timeout{6000};
};

void expect_that_no_call_is_lost(const Outage& outage, std::chrono::milliseconds health_check) {
  RunOptions beside_the_body;
  beside_the_body.threads = 2;
  RedisServer server;
  RedisOptions redis = server.options();
  redis.health_check_interval = health_check;
  // As they are for everybody: those of other tests are shorter.
  redis.reconnect_min_delay = RedisOptions().reconnect_min_delay;
  redis.reconnect_max_delay = RedisOptions().reconnect_max_delay;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    Pair pair(context.get_executor(), redis);
    co_await pair.start();
    EXPECT_TRUE(co_await echoes(pair.a, 2, 20s));
    EXPECT_TRUE(co_await echoes(pair.b, 1, 20s));
    const auto executor = co_await asio::this_coro::executor;
    Caller caller{executor, pair};
    co_await caller.call_for(300ms);
    outage.begin(server);
    co_await caller.call_for(outage.lasting);
    outage.end(server);
    co_await caller.call_for(1s);
    std::size_t lost = 0;
    std::string error;
    for (const auto& call : caller.calls) {
      const auto is_done = [&] { return call->is_done(); };
      EXPECT_TRUE(co_await eventually(is_done));
      if (call->succeeded) continue;
      ++lost;
      error = call->what();
    }
    EXPECT_EQ(lost, 0U) << "of " << caller.calls.size() << ", the last one: " << error << "\n"
                        << pair.log.text();
    co_await pair.stop();
  };
  run_coroutine(body, beside_the_body);
}

TEST(Outage, ARedisThatStandsStillLosesNoCallThatHasTimeLeft) {
  Outage outage;
  outage.begin = [](RedisServer& server) { server.pause(); };
  outage.lasting = 4s;
  outage.end = [](RedisServer& server) { server.resume(); };
  expect_that_no_call_is_lost(outage, 1s);
}

TEST(Outage, NorWhereThatIsNoticedQuickly) {
  Outage outage;
  outage.begin = [](RedisServer& server) { server.pause(); };
  outage.lasting = 4s;
  outage.end = [](RedisServer& server) { server.resume(); };
  expect_that_no_call_is_lost(outage, 200ms);
}

TEST(Outage, ARedisThatIsKilledAndComesBackLosesNoCallThatHasTimeLeft) {
  Outage outage;
  outage.begin = [](RedisServer& server) { server.kill(); };
  outage.lasting = 3200ms;  // and what the start takes
  outage.end = [](RedisServer& server) { server.start(); };
  expect_that_no_call_is_lost(outage, 1s);
}

// It has read none of the calls that were sent to it meanwhile.
TEST(Outage, NorOneThatIsKilledWhileItStandsStill) {
  Outage outage;
  outage.begin = [](RedisServer& server) { server.pause(); };
  outage.lasting = 400ms;
  outage.end = [](RedisServer& server) { server.restart(); };
  expect_that_no_call_is_lost(outage, 1s);
}

}  // namespace
}  // namespace mesh::test::faults
