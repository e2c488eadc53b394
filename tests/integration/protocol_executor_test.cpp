#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <integration/support/mesh_test.hpp>
#include <integration/support/outcome.hpp>
#include <support/wait.hpp>

namespace mesh::test {
namespace {

/// A node whose handlers run on a context of their own, which the test runs or does not.
class ProtocolExecutor : public MeshTest {
 protected:
  ~ProtocolExecutor() override {
    release();
    node_.reset();
    for (std::thread& thread : threads_) thread.join();
    auto guard = asio::make_work_guard(handlers_);
    handlers_.restart();
    std::thread last([this] { handlers_.run(); });
    protocol_.join();
    guard.reset();
    last.join();
  }

  MeshOptions node_options() {
    MeshOptions result = options();
    result.protocol_executor = protocol_.get_executor();
    return result;
  }

  Service& make(const MeshOptions& node_options) {
    node_ = std::make_unique<Service>(handlers_.get_executor(), key(), node_options);
    node_->register_handler<"nothing">([this] {
      handler_thread_ = std::this_thread::get_id();
      ++running_;
      released_.wait();
    });
    return *node_;
  }

  void start() {
    std::future<void> started = node_->start(asio::use_future);
    run_handlers();
    get(std::move(started));
  }

  void run_handlers() {
    threads_.emplace_back([this] {
      handlers_.run();
      has_returned_ = true;
    });
  }

  template <typename Result>
  static Result get(std::future<Result> future) {
    if (future.wait_for(20s) != std::future_status::ready) {
      throw std::runtime_error("the future does not become ready");
    }
    return future.get();
  }

  void release() {
    if (!std::exchange(is_released_, true)) release_.set_value();
  }

  asio::thread_pool protocol_{1};
  asio::io_context handlers_;
  std::unique_ptr<Service> node_;
  std::promise<void> release_;
  std::shared_future<void> released_ = release_.get_future().share();
  bool is_released_ = false;
  std::vector<std::thread> threads_;
  std::atomic<int> running_ = 0;
  std::atomic<bool> has_returned_ = false;
  std::atomic<std::thread::id> handler_thread_;
};

TEST_F(ProtocolExecutor, AHandlerThatBlocksItsOnlyThreadHoldsUpNothing) {
  MeshOptions with_short_lives = node_options();
  with_short_lives.node_ttl = 1s;
  with_short_lives.leader.ttl = 2s;
  with_short_lives.leader.renewal_interval = 100ms;
  Service& node = make(with_short_lives);
  std::atomic<int> losses = 0;
  node.leader().set_lost_leader_callback([&] { ++losses; });
  start();
  ASSERT_TRUE(wait_until([&] { return node.leader().is_leader(); }));
  const InstanceId id = node.instance_id();

  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions caller_options = options();
    caller_options.node_ttl = 1s;
    const auto caller = co_await start_node(std::move(caller_options));
    Outcome<void> call;
    caller->invoke<"nothing">(id, {.timeout = 2s}, call.token());
    const auto runs = [&] { return running_ == 1; };
    CO_ASSERT_TRUE(co_await eventually(runs));
    // Four times its life, twice that of the lock and the caller's timeout.
    const double blocked_at = last_heartbeat(id);
    const auto lives_on = [&] { return last_heartbeat(id) > blocked_at + 4000; };
    EXPECT_TRUE(co_await eventually(lives_on));
    EXPECT_TRUE(node.leader().is_leader());
    EXPECT_FALSE(call.done());
    release();
    co_await call.get();
    EXPECT_EQ(caller->stats().calls_succeeded, 1U);
    co_await caller->stop();
  });
  EXPECT_EQ(losses, 0);
  EXPECT_EQ(node.instance_id(), id);
  EXPECT_EQ(log().count("had been removed"), 0U);
  get(node.stop(asio::use_future));
}

TEST_F(ProtocolExecutor, ANodeWhoseHandlersBlockAnswersAPing) {
  Service& node = make(node_options());
  start();
  const InstanceId id = node.instance_id();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    Outcome<void> call;
    caller->invoke<"nothing">(id, {}, call.token());
    const auto runs = [&] { return running_ == 1; };
    CO_ASSERT_TRUE(co_await eventually(runs));
    const std::string answer = co_await caller->invoke_raw(id, "$mesh.ping", "null");
    EXPECT_EQ(answer, R"({"instanceId":)" + std::to_string(id) + "}");
    const std::string stats = co_await caller->invoke_raw(id, "$mesh.stats", "null");
    EXPECT_EQ(Json::parse(stats).at("handlersRunning"), 1);
    EXPECT_FALSE(call.done());
    release();
    co_await call.get();
    co_await caller->stop();
  });
  get(node.stop(asio::use_future));
}

TEST_F(ProtocolExecutor, HandlersAndCallbacksRunOnTheExecutorOfTheService) {
  release();
  Service& node = make(node_options());
  std::atomic<std::thread::id> callback_thread;
  std::atomic<std::thread::id> joined_thread;
  node.leader().set_became_leader_callback([&] { callback_thread = std::this_thread::get_id(); });
  node.watch_nodes(
      [&](NodeChange, const MeshNode&) { joined_thread = std::this_thread::get_id(); });
  start();
  const auto expected = threads_.front().get_id();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    co_await caller->invoke<"nothing">(node.instance_id());
    const auto have_run = [&] {
      return callback_thread.load() == expected && joined_thread.load() == expected;
    };
    EXPECT_TRUE(co_await eventually(have_run));
    co_await caller->stop();
  });
  EXPECT_EQ(handler_thread_.load(), expected);
  get(node.stop(asio::use_future));
}

TEST_F(ProtocolExecutor, ARunningServiceKeepsBothContextsBusy) {
  Service& node = make(node_options());
  std::future<void> started = node.start(asio::use_future);
  ASSERT_TRUE(wait_until([&] { return node.instance_id() != 0; }));
  run_handlers();
  get(std::move(started));
  EXPECT_TRUE(wait_until([&] { return last_heartbeat(node.instance_id()) > 0; }));
  EXPECT_FALSE(has_returned_);
  get(node.stop(asio::use_future));
  EXPECT_TRUE(wait_until([&] { return has_returned_.load(); }));
}

TEST_F(ProtocolExecutor, ADestroyedServiceReleasesBothContexts) {
  make(node_options());
  start();
  EXPECT_FALSE(has_returned_);
  node_.reset();
  EXPECT_TRUE(wait_until([&] { return has_returned_.load(); }));
}

// A strand, which needs its context to be destroyed, and with it whatever holds it.
class ProtocolExecutorEnd : public MeshTest {};

TEST_F(ProtocolExecutorEnd, TheContextOfHandlersHasWorkUntilAStoppedServiceIsGone) {
  asio::thread_pool protocol{1};
  asio::thread_pool workers{2};
  const auto captured = std::make_shared<int>(0);
  std::promise<void> joined;
  std::future<void> workers_joined = joined.get_future();
  std::future_status waited{};
  {
    MeshOptions node_options = options();
    node_options.protocol_executor = protocol.get_executor();
    Service node(asio::make_strand(workers), key(), node_options);
    node.register_handler<"nothing">([captured] {});
    node.start(asio::use_future).get();
    node.stop(asio::use_future).get();
    asio::post(protocol, [&] { waited = workers_joined.wait_for(500ms); });
  }
  workers.join();
  EXPECT_EQ(captured.use_count(), 1);
  joined.set_value();
  protocol.join();
  EXPECT_EQ(waited, std::future_status::timeout);
}

TEST_F(ProtocolExecutor, NoHandlerBeginsAfterDestruction) {
  release();
  Service& node = make(node_options());
  node.start([](const std::exception_ptr& error) { EXPECT_FALSE(error); });
  ASSERT_TRUE(wait_until([&] { return node.instance_id() != 0; }));
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    Outcome<void> call;
    caller->invoke<"nothing">(node.instance_id(), {}, call.token());
    const auto has_arrived = [&] { return node.stats().requests_received == 1; };
    CO_ASSERT_TRUE(co_await eventually(has_arrived));
    node_.reset();
    handlers_.run();
    EXPECT_EQ(running_, 0);
    co_await caller->stop();
  });
}

TEST_F(ProtocolExecutor, CallsFromAnotherExecutorDoNotWaitForBlockedHandlers) {
  Service& node = make(node_options());
  start();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    caller->register_handler<"echo">([](Text text) { return text; });
    Outcome<void> call;
    caller->invoke<"nothing">(node.instance_id(), {}, call.token());
    const auto runs = [&] { return running_ == 1; };
    CO_ASSERT_TRUE(co_await eventually(runs));
    const Text text = text_of("across");
    const Text reply = co_await node.invoke<"echo">(caller->instance_id(), text);
    EXPECT_EQ(reply.text, "across");
    EXPECT_FALSE(call.done());
    release();
    co_await call.get();
    co_await caller->stop();
  });
  get(node.stop(asio::use_future));
}

}  // namespace
}  // namespace mesh::test
