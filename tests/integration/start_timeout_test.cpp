#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <integration/support/outcome.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

/// A node that is told to wait, and its Redis, which is not there yet.
struct EarlyNode {
  explicit EarlyNode(const asio::any_io_executor& executor, std::chrono::milliseconds waits)
      : options(patient_options(server.options(), log)) {
    options.start_timeout = waits;
    server.kill();
    node = std::make_unique<Node>(executor, mesh_key, options);
  }

  /// With both connections.
  bool has_tried_twice() const { return log.count("refused") >= 4; }

  RedisServer server;
  LogCapture log;
  MeshOptions options;
  std::unique_ptr<Node> node;
};

TEST(StartTimeout, ARedisThatComesMeanwhileIsJoined) {
  run_coroutine([]() -> asio::awaitable<void> {
    EarlyNode early(co_await asio::this_coro::executor, 10min);
    Outcome<void> started;
    early.node->start(started.token());
    CO_ASSERT_TRUE(co_await eventually([&] { return early.has_tried_twice(); }));
    EXPECT_FALSE(started.done());
    EXPECT_EQ(early.log.count("refused", LogLevel::warning), 2U) << early.log.text();
    early.server.start();
    co_await started.get();
    EXPECT_EQ(early.node->instance_id(), 1);
    co_await early.node->stop();
  });
}

TEST(StartTimeout, IsWaitedForAndThenTheLastReasonIsThrown) {
  run_coroutine([]() -> asio::awaitable<void> {
    EarlyNode early(co_await asio::this_coro::executor, 1s);
    const auto begin = std::chrono::steady_clock::now();
    const auto error = co_await expect_error<MeshConnectionError>(early.node->start());
    CO_ASSERT_TRUE(error);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 1s);
    EXPECT_EQ(error->port(), early.server.port());
    EXPECT_NE(error->cause().find("refused"), std::string::npos) << error->cause();
    // It can be started again.
    early.server.start();
    co_await early.node->start();
    co_await early.node->stop();
  });
}

TEST(StartTimeout, MayBeCutShort) {
  run_coroutine([]() -> asio::awaitable<void> {
    EarlyNode early(co_await asio::this_coro::executor, 10min);
    asio::cancellation_signal signal;
    Outcome<void> cancelled;
    early.node->start(asio::bind_cancellation_slot(signal.slot(), cancelled.token()));
    CO_ASSERT_TRUE(co_await eventually([&] { return early.has_tried_twice(); }));
    signal.emit(asio::cancellation_type::terminal);
    co_await expect_error<boost::system::system_error>(cancelled.get());

    Outcome<void> stopped;
    early.node->start(stopped.token());
    co_await early.node->stop();
    co_await expect_error<MeshStoppedError>(stopped.get());
    EXPECT_EQ(early.node->instance_id(), 0);
  });
}

/// The connection is lost when Redis tells the node its id.
TEST(StartTimeout, AJoinThatIsInterruptedIsBegunAnew) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    RedisProxy proxy(server);
    LogCapture log;
    MeshOptions options = patient_options(proxy.options(), log);
    Node hasty(executor, mesh_key, options);
    proxy.reset_within(":1\r\n");
    co_await expect_error<MeshConnectionError>(hasty.start());
    EXPECT_TRUE(proxy.has_reset());

    options.start_timeout = 10min;
    Node node(executor, mesh_key, options);
    proxy.reset_within(":2\r\n");
    co_await node.start();
    EXPECT_TRUE(proxy.has_reset());
    EXPECT_EQ(node.instance_id(), 3);
    const auto nodes = co_await node.get_nodes();
    EXPECT_EQ(nodes.size(), 1U);
    co_await node.stop();
  });
}

TEST(StartTimeout, WithoutOneTheFirstFailedAttemptEndsTheStart) {
  run_coroutine([]() -> asio::awaitable<void> {
    EarlyNode early(co_await asio::this_coro::executor, 0s);
    co_await expect_error<MeshConnectionError>(early.node->start());
  });
}

}  // namespace
}  // namespace mesh::test::faults
