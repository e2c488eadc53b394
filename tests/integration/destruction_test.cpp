#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/support/outcome.hpp>
#include <integration/support/patient_nodes_test.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

using Kinds = MessageMap<Message<"plain", int, int>, Message<"coroutine", int, int>>;
using News = BroadcastMap<Broadcast<"news", int>>;
using Service = MeshService<Kinds, News>;

class Destruction : public PatientNodesTest {};
class LocalCalls : public PatientNodesTest {};
class CompletionTokens : public PatientNodesTest {};

/// What handlers refer to, and how many began when they must not any more.
struct Owner {
  bool destroyed = false;
  int begun = 0;
  int late = 0;

  void begin() {
    ++begun;
    if (destroyed) ++late;
  }
  void register_handlers(Service& node) {
    node.register_handler<"plain">([this](int number) {
      begin();
      return number;
    });
    node.register_handler<"coroutine">([this](int number) -> asio::awaitable<int> {
      begin();
      co_return number;
    });
    node.register_broadcast_handler<"news">([this](int) { begin(); });
  }
};

/// Runs the context, of one thread, until something holds.
void run_until(asio::io_context& context, const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!holds()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    context.run_one_for(10ms);
  }
}

template <typename Operation>
void complete(asio::io_context& context, Operation operation) {
  Outcome<void> outcome;
  operation(outcome.token());
  run_until(context, [&] { return outcome.done(); });
}

asio::awaitable<void> expect_stopped(Outcome<int> outcome) {
  co_await expect_error<MeshStoppedError>(outcome.get());
}

TEST_F(Destruction, NoHandlerBeginsAfterIt) {
  int begun = 0;
  for (int round = 0; round < 8; ++round) {
    asio::io_context context;
    Owner owner;
    MeshOptions options = patient();
    Service caller(context.get_executor(), key(), options);
    auto worker = std::make_unique<Service>(context.get_executor(), key(), options);
    owner.register_handlers(*worker);
    complete(context, [&](auto token) { caller.start(token); });
    complete(context, [&](auto token) { worker->start(token); });
    int ended = 0;
    const auto count = [&ended](const std::exception_ptr&, int) { ++ended; };
    const InvokeOptions quick{.timeout = 500ms};
    for (int i = 0; i < 64; ++i) {
      caller.invoke<"plain">(worker->instance_id(), i, quick, count);
      caller.invoke<"coroutine">(worker->instance_id(), i, quick, count);
      worker->broadcast<"news">(i, {}, [](const std::exception_ptr&) {});
    }
    run_until(context, [&] { return owner.begun > 0; });
    for (int i = 0; i < round; ++i) context.run_one_for(10ms);
    worker.reset();
    owner.destroyed = true;
    begun += owner.begun;
    run_until(context, [&] { return ended == 128; });
    complete(context, [&](auto token) { caller.stop(token); });
    context.run_for(1s);
    EXPECT_EQ(owner.late, 0) << "round " << round;
  }
  EXPECT_GT(begun, 0);
}

TEST_F(Destruction, NoLocalCallBeginsAfterIt) {
  asio::io_context context;
  Owner owner;
  auto node = std::make_unique<Service>(context.get_executor(), key(), patient());
  owner.register_handlers(*node);
  complete(context, [&](auto token) { node->start(token); });
  const Outcome<int> plain;
  const Outcome<int> coroutine;
  node->invoke<"plain">(node->instance_id(), 1, {}, plain.token());
  node->invoke<"coroutine">(node->instance_id(), 1, {}, coroutine.token());
  node.reset();
  owner.destroyed = true;
  run_until(context, [&] { return plain.done() && coroutine.done(); });
  EXPECT_EQ(owner.begun, 0);
  for (const auto& outcome : {plain, coroutine}) {
    asio::co_spawn(context, expect_stopped(outcome), asio::detached);
  }
  context.run_for(1s);
}

TEST_F(Destruction, NoCallbackBeginsAndNoLineIsLoggedAfterIt) {
  asio::io_context context;
  std::atomic<bool> destroyed = false;
  std::atomic<int> late = 0;
  MeshOptions options = patient();
  options.log = [&](LogLevel, std::string_view) { late += destroyed ? 1 : 0; };
  auto node = std::make_unique<Service>(context.get_executor(), key(), options);
  const auto callback = [&] { late += destroyed ? 1 : 0; };
  node->leader().set_became_leader_callback(callback);
  node->leader().set_lost_leader_callback(callback);
  node->watch_nodes([&](NodeChange, const MeshNode&) { callback(); });
  complete(context, [&](auto token) { node->start(token); });
  run_until(context, [&] { return node->leader().is_leader(); });
  kill_connections("normal");
  kill_connections("pubsub");
  node.reset();
  destroyed = true;
  context.run_for(1s);
  EXPECT_EQ(late, 0);
}

TEST_F(LocalCalls, BeginAfterInvokeHasReturned) {
  asio::io_context context;
  Owner owner;
  Service node(context.get_executor(), key(), patient());
  owner.register_handlers(node);
  complete(context, [&](auto token) { node.start(token); });
  const Outcome<int> plain;
  const Outcome<int> coroutine;
  // On the executor's thread, where they could.
  asio::post(context, [&] {
    node.invoke<"plain">(node.instance_id(), 1, {}, plain.token());
    node.invoke<"coroutine">(node.instance_id(), 1, {}, coroutine.token());
    EXPECT_EQ(owner.begun, 0);
  });
  run_until(context, [&] { return plain.done() && coroutine.done(); });
  EXPECT_EQ(owner.begun, 2);
  complete(context, [&](auto token) { node.stop(token); });
}

TEST_F(LocalCalls, HaveLetGoOfTheirHandlerWhenTheCallerGoesOn) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Service node(co_await asio::this_coro::executor, key(), patient());
    co_await node.start();
    auto held = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = held;
    node.register_handler<"plain">([held](int number) { return number + *held; });
    node.register_handler<"coroutine">(
        [held](int number) -> asio::awaitable<int> { co_return number + *held; });
    held.reset();
    EXPECT_EQ(co_await node.invoke<"plain">(node.instance_id(), 1), 2);
    EXPECT_EQ(watched.use_count(), 2);
    node.unregister_handler<"plain">();
    EXPECT_EQ(watched.use_count(), 1);
    EXPECT_EQ(co_await node.invoke<"coroutine">(node.instance_id(), 1), 2);
    node.unregister_handler<"coroutine">();
    EXPECT_TRUE(watched.expired());
    co_await node.stop();
  });
}

TEST_F(CompletionTokens, AreUnchangedWhereTheyAreLvalues) {
  asio::io_context context;
  Owner owner;
  Service node(context.get_executor(), key(), patient());
  owner.register_handlers(node);
  int completions = 0;
  std::function<void(std::exception_ptr)> on_done = [&](const std::exception_ptr&) {
    ++completions;
  };
  std::function<void(std::exception_ptr, int)> on_answer = [&](const std::exception_ptr&, int) {
    ++completions;
  };
  std::function<void(std::exception_ptr, std::vector<MeshNode>)> on_nodes =
      [&](const std::exception_ptr&, const std::vector<MeshNode>&) { ++completions; };
  int expected = 0;
  const auto all_are_whole = [&] {
    run_until(context, [&] { return completions == expected; });
    return on_done && on_answer && on_nodes;
  };
  node.start(on_done);
  expected = 1;
  ASSERT_TRUE(all_are_whole());
  node.invoke<"plain">(node.instance_id(), 1, {}, on_answer);
  node.invoke<"coroutine">(node.instance_id(), 1, {}, on_answer);
  const int number = 1;
  node.invoke<"plain">(node.instance_id() + 1, number, {}, on_answer);
  node.broadcast<"news">(number, {}, on_done);
  node.get_nodes(on_nodes);
  expected = 6;
  ASSERT_TRUE(all_are_whole());
  node.stop(on_done);
  node.stop({}, on_done);
  node.leader().stop(on_done);
  expected = 9;
  ASSERT_TRUE(all_are_whole());
}

}  // namespace
}  // namespace mesh::test::faults
