#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include <integration/fault_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {

/// Two nodes start, talk and stop, and nothing is amiss.
inline void expect_usable(const RedisOptions& redis) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Pair pair(co_await asio::this_coro::executor, redis);
    co_await pair.start();
    EXPECT_TRUE(co_await echoes(pair.a, pair.b.instance_id(), 20s)) << pair.log.text();
    co_await pair.stop();
    EXPECT_FALSE(pair.log.contains("", LogLevel::warning)) << pair.log.text();
  });
}

struct FailedStart {
  std::optional<MeshConnectionError> error;
  std::string cause;
  std::chrono::steady_clock::duration elapsed{};
  std::string log;
};

/// Starts a node that must not be able to.
inline FailedStart start_in_vain(const RedisOptions& redis) {
  FailedStart result;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    const auto begin = std::chrono::steady_clock::now();
    result.error = co_await expect_error<MeshConnectionError>(node.start());
    result.elapsed = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(node.instance_id(), 0);
    result.log = log.text();
    CO_ASSERT_TRUE(result.error);
    result.cause = result.error->cause();
  });
  return result;
}

}  // namespace mesh::test::faults
