#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

const std::string too_large_text(2'000'000, 'x');

RedisServerOptions with_setting(const std::string& line) {
  RedisServerOptions options;
  options.config = {line};
  return options;
}

/// Two nodes whose Redis takes no message of 2 MB.
struct TightPair {
  TightPair(const asio::any_io_executor& executor, const std::string& setting)
      : server(with_setting(setting)), pair(executor, server.options()) {
    pair.b.register_handler<"echo">(
        [](const std::string& text) { return text == "the large one" ? too_large_text : text; });
  }

  /// So that the nodes know each other.
  asio::awaitable<bool> start() {
    co_await pair.start();
    const bool is_well = co_await echoes(pair.a, 2, 20s);
    if (!is_well) co_return false;
    co_return co_await echoes(pair.b, 1, 20s);
  }

  RedisServer server;
  Pair pair;
};

/// Small calls in both directions until the large one has ended, and a few more: all succeed.
asio::awaitable<void> expect_others_succeed(const asio::any_io_executor& executor, Pair& pair,
                                            std::shared_ptr<Call> large) {
  std::vector<std::shared_ptr<Call>> calls;
  int more = 50;
  const auto end = std::chrono::steady_clock::now() + 40s;
  while (more > 0 && std::chrono::steady_clock::now() < end) {
    if (large->is_done()) --more;
    calls.push_back(begin_echo(executor, pair.a, 2, "small", 30s));
    calls.push_back(begin_echo(executor, pair.b, 1, "small", 30s));
    co_await sleep_for(2ms);
  }
  EXPECT_TRUE(large->is_done());
  for (const auto& call : calls) {
    const auto is_done = [&] { return call->is_done(); };
    EXPECT_TRUE(co_await eventually(is_done, 40s));
    EXPECT_TRUE(call->succeeded) << call->what();
  }
}

class TooLargeForRedis : public ::testing::TestWithParam<std::string> {};

TEST_P(TooLargeForRedis, ACallEndsWithAnErrorThatSaysSo) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    TightPair tight(executor, GetParam());
    Pair& pair = tight.pair;
    CO_ASSERT_TRUE(co_await tight.start());
    const auto large = begin_echo(executor, pair.a, 2, too_large_text, 30s);
    co_await expect_others_succeed(executor, pair, large);
    EXPECT_TRUE(large->failed_with<MeshConnectionError>() || large->failed_with<MeshRedisError>());
    EXPECT_NE(large->what().find("proto-max-bulk-len"), std::string::npos) << large->what();
    EXPECT_LE(pair.a.stats().reconnects, 2U);
    EXPECT_EQ(pair.b.stats().reconnects, 0U);
    co_await pair.stop();
  });
}

TEST_P(TooLargeForRedis, ABroadcastSaysSo) {
  run_coroutine([]() -> asio::awaitable<void> {
    TightPair tight(co_await asio::this_coro::executor, GetParam());
    Pair& pair = tight.pair;
    CO_ASSERT_TRUE(co_await tight.start());
    std::string error;
    try {
      co_await pair.a.broadcast<"news">(too_large_text);
    } catch (const MeshError& caught) {
      error = caught.what();
    }
    EXPECT_NE(error.find("proto-max-bulk-len"), std::string::npos) << error;
    EXPECT_TRUE(co_await echoes(pair.a, 2, 20s));
    EXPECT_LE(pair.a.stats().reconnects, 1U);
    co_await pair.stop();
  });
}

TEST_P(TooLargeForRedis, TheCallerOfALargeResponseIsTold) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    TightPair tight(executor, GetParam());
    Pair& pair = tight.pair;
    CO_ASSERT_TRUE(co_await tight.start());
    const auto large = begin_echo(executor, pair.a, 2, "the large one", 30s);
    co_await expect_others_succeed(executor, pair, large);
    EXPECT_TRUE(large->failed_with<MeshHandlerError>());
    EXPECT_NE(large->what().find("proto-max-bulk-len"), std::string::npos) << large->what();
    EXPECT_EQ(pair.a.stats().reconnects, 0U);
    EXPECT_LE(pair.b.stats().reconnects, 2U);
    co_await pair.stop();
  });
}

INSTANTIATE_TEST_SUITE_P(BySetting, TooLargeForRedis,
                         ::testing::Values("client-query-buffer-limit 1mb",
                                           "proto-max-bulk-len 1mb", "maxmemory-clients 1mb"),
                         [](const auto& setting) {
                           if (setting.param.starts_with("client")) return "QueryBuffer";
                           return setting.param.starts_with("proto") ? "BulkLength" : "Clients";
                         });

}  // namespace
}  // namespace mesh::test::faults
