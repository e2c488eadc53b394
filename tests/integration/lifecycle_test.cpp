#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <integration/support/mesh_test.hpp>
#include <integration/support/outcome.hpp>
#include <integration/support/raw_peer.hpp>

namespace mesh::test {
namespace {

class Lifecycle : public MeshTest {
 protected:
  /// A channel where somebody listens but nobody answers.
  std::unique_ptr<ChannelRecorder> make_silent_node() {
    const std::vector<std::string> channels{channel(777)};
    return std::make_unique<ChannelRecorder>(redis().options(), channels);
  }
};

// start() -----------------------------------------------------------------------------------------

TEST_F(Lifecycle, StartingTwiceFails) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    co_await expect_error<MeshAlreadyRunningError>(node->start());
    EXPECT_EQ(node->instance_id(), 1);
    EXPECT_EQ((co_await node->get_nodes()).size(), 1U);
    co_await node->stop();
  });
}

TEST_F(Lifecycle, StartingWhileStartingFailsAndTheFirstGoesOn) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    Outcome<void> first;
    Outcome<void> second;
    node->start(first.token());
    node->start(second.token());
    co_await expect_error<MeshAlreadyRunningError>(second.get());
    co_await first.get();
    EXPECT_EQ(node->instance_id(), 1);
    co_await node->stop();
  });
}

TEST_F(Lifecycle, StartingWhileStoppingFails) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    Outcome<void> stopped;
    Outcome<void> started;
    node->stop(stopped.token());
    node->start(started.token());
    co_await expect_error<MeshAlreadyRunningError>(started.get());
    co_await stopped.get();
    EXPECT_EQ(node->instance_id(), 0);
  });
}

TEST_F(Lifecycle, ARestartGetsANewId) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto other = co_await start_node();
    node->register_handler<"ask">([] { return text_of("again"); });
    EXPECT_EQ(node->instance_id(), 1);
    for (InstanceId id = 3; id < 6; ++id) {
      co_await node->stop();
      co_await node->start();
      EXPECT_EQ(node->instance_id(), id);
      const Text reply = co_await other->invoke<"ask">(id);
      EXPECT_EQ(reply.text, "again");
      const Text own = co_await node->invoke<"ask">(id);
      EXPECT_EQ(own.text, "again");
      co_await expect_error<MeshNodeUnreachableError>(node->invoke<"ask">(id == 3 ? 1 : id - 1));
    }
    EXPECT_TRUE(co_await eventually(
        [&] { return node->leader().is_leader() || other->leader().is_leader(); }));
    co_await node->stop();
    co_await other->stop();
  });
}

TEST_F(Lifecycle, ManyNodesStartedAtOnceGetDifferentIds) {
  run_coroutine([&]() -> asio::awaitable<void> {
    std::vector<std::unique_ptr<Service>> nodes;
    std::vector<Outcome<void>> outcomes(20);
    for (auto& outcome : outcomes) {
      nodes.push_back(co_await make_node());
      nodes.back()->start(outcome.token());
    }
    std::vector<InstanceId> ids;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      co_await outcomes[i].get();
      ids.push_back(nodes[i]->instance_id());
    }
    std::ranges::sort(ids);
    for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], static_cast<int>(i) + 1);
    EXPECT_EQ((co_await nodes[0]->get_nodes()).size(), 20U);
    for (const auto& node : nodes) co_await node->stop();
  });
}

// stop() ------------------------------------------------------------------------------------------

TEST_F(Lifecycle, StoppingBeforeStartAndTwiceIsSafe) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    co_await node->stop();
    co_await node->stop();
    co_await node->start();
    EXPECT_EQ(node->instance_id(), 1);
    co_await node->stop();
    co_await node->stop();
    EXPECT_EQ(node->instance_id(), 0);
  });
}

TEST_F(Lifecycle, ConcurrentStopsAllEndWithTheServiceStopped) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    std::vector<Outcome<void>> outcomes(5);
    for (const auto& outcome : outcomes) node->stop(outcome.token());
    for (const auto& outcome : outcomes) {
      co_await outcome.get();
      EXPECT_EQ(node->instance_id(), 0);
      EXPECT_FALSE(is_registered(1));
    }
  });
}

TEST_F(Lifecycle, StopRejectsPendingCalls) {
  const auto silent = make_silent_node();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    std::vector<Outcome<Text>> outcomes(10);
    for (const auto& outcome : outcomes) node->invoke<"ask">(777, {}, outcome.token());
    CO_ASSERT_TRUE(co_await eventually([&] { return silent->size() == 10; }));
    co_await node->stop();
    for (const auto& outcome : outcomes) {
      const auto error = co_await expect_error<MeshStoppedError>(outcome.get());
      CO_ASSERT_TRUE(error);
      EXPECT_STREQ(error->what(), "MeshService stopped");
    }
    EXPECT_EQ(node->stats().calls_failed, 10U);
  });
}

TEST_F(Lifecycle, StopRemovesRegistrationSubscriptionsAndLock) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    CO_ASSERT_TRUE(co_await eventually([&] { return node->leader().is_leader(); }));
    EXPECT_EQ(probe().subscribers(channel(1)), 1);
    co_await node->stop();
    EXPECT_FALSE(is_registered(1));
    EXPECT_FALSE(probe().hget(name("nodes"), "1"));
    EXPECT_FALSE(probe().exists(lock()));
    EXPECT_FALSE(node->leader().is_leader());
    EXPECT_TRUE(co_await eventually([&] { return probe().subscribers(channel(1)) == 0; }));
    EXPECT_EQ(probe().subscribers(name("broadcast")), 0);
    EXPECT_EQ(probe().get(name("next_id")), "1");
  });
}

TEST_F(Lifecycle, AStoppedNodeSendsNoMoreHeartbeats) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto other = co_await start_node();
    co_await node->stop();
    EXPECT_TRUE(co_await heartbeats_pass(2, 4));
    EXPECT_FALSE(is_registered(1));
    co_await other->stop();
  });
}

TEST_F(Lifecycle, StopWhileStartIsUnderWayEndsBoth) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    for (int round = 0; round < 10; ++round) {
      Outcome<void> started;
      Outcome<void> stopped;
      node->start(started.token());
      // Each round a little later, so that the stop meets every phase of the start.
      co_await sleep_for(milliseconds(round / 3));
      node->stop(stopped.token());
      co_await stopped.get();
      EXPECT_EQ(node->instance_id(), 0);
      CO_ASSERT_TRUE(co_await eventually([&] { return started.done(); }));
      try {
        co_await started.get();
      } catch (const MeshStoppedError&) {
        // Unless the start was quicker.
      }
      EXPECT_FALSE(probe().exists(name("heartbeats")));
      EXPECT_FALSE(probe().exists(name("nodes")));
    }
    co_await node->start();
    EXPECT_NE(node->instance_id(), 0);
    EXPECT_EQ((co_await node->get_nodes()).size(), 1U);
    co_await node->stop();
  });
}

TEST_F(Lifecycle, StopAtOnceAfterStartWasBegunFailsTheStart) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    Outcome<void> started;
    Outcome<void> stopped;
    node->start(started.token());
    node->stop(stopped.token());
    co_await expect_error<MeshStoppedError>(started.get());
    co_await stopped.get();
    EXPECT_FALSE(probe().exists(name("heartbeats")));
  });
}

TEST_F(Lifecycle, StopCancelsHandlersAndTheirCallersGetAnError) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    int entered = 0;
    int unwound = 0;
    auto forever = [&]() -> asio::awaitable<Text> {
      ++entered;
      const std::shared_ptr<void> guard(nullptr, [&](void*) { ++unwound; });
      co_await sleep_for(10min);
      co_return text_of("never");
    };
    target->register_handler<"ask">(forever);
    std::vector<Outcome<Text>> outcomes(3);
    for (const auto& outcome : outcomes) caller->invoke<"ask">(2, {}, outcome.token());
    CO_ASSERT_TRUE(co_await eventually([&] { return entered == 3; }));
    co_await target->stop();
    EXPECT_EQ(unwound, 3) << "stop() does not wait for handlers";
    for (const auto& outcome : outcomes) {
      const auto error = co_await expect_error<MeshRefusedError>(outcome.get());
      CO_ASSERT_TRUE(error);
      EXPECT_STREQ(error->what(), "MeshService stopped");
    }
    co_await caller->stop();
  });
}

TEST_F(Lifecycle, StopWaitsForAHandlerThatFinishesInstead) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    bool entered = false;
    auto stubborn = [&]() -> asio::awaitable<Text> {
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      entered = true;
      co_await sleep_for(200ms);
      co_return text_of("finished");
    };
    target->register_handler<"ask">(stubborn);
    Outcome<Text> outcome;
    caller->invoke<"ask">(2, {}, outcome.token());
    CO_ASSERT_TRUE(co_await eventually([&] { return entered; }));
    co_await target->stop();
    const Text reply = co_await outcome.get();
    EXPECT_EQ(reply.text, "finished");
    co_await caller->stop();
  });
}

TEST_F(Lifecycle, StopIsBoundedEvenIfAHandlerIgnoresCancellation) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.stop_timeout = 300ms;
    const auto caller = co_await start_node();
    const auto target = co_await start_node(node_options);
    bool entered = false;
    bool released = false;
    bool ended = false;
    auto stubborn = [&]() -> asio::awaitable<Text> {
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      entered = true;
      co_await eventually([&] { return released; }, 60s);
      ended = true;
      co_return text_of("too late");
    };
    target->register_handler<"ask">(stubborn);
    Outcome<Text> outcome;
    caller->invoke<"ask">(2, {}, outcome.token());
    CO_ASSERT_TRUE(co_await eventually([&] { return entered; }));
    co_await target->stop();
    EXPECT_FALSE(ended);
    EXPECT_FALSE(is_registered(2));
    EXPECT_EQ(target->instance_id(), 0);
    co_await target->start();
    EXPECT_EQ(target->instance_id(), 3);
    released = true;
    EXPECT_TRUE(co_await eventually([&] { return ended; }));
    co_await target->stop();
    co_await caller->stop();
    EXPECT_TRUE(co_await eventually([&] { return outcome.done(); }));
  });
}

TEST_F(Lifecycle, StopWaitsForTheCleanedUpCallback) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    bool entered = false;
    bool ended = false;
    auto callback = [&](InstanceId /*id*/) -> asio::awaitable<void> {
      entered = true;
      co_await sleep_for(100ms);
      ended = true;
    };
    node->set_node_cleaned_up_callback(callback);
    register_ghost(7);
    CO_ASSERT_TRUE(co_await eventually([&] { return entered; }));
    co_await node->stop();
    EXPECT_TRUE(ended);
  });
}

TEST_F(Lifecycle, AStoppedServiceLeavesNothingToDoOnTheContext) {
  asio::io_context context;
  MeshOptions node_options = options();
  node_options.request_timeout = 10min;
  Service caller(context.get_executor(), key(), node_options);
  Service target(context.get_executor(), key(), node_options);
  target.register_handler<"ask">([] { return text_of("x"); });
  const auto use = [&]() -> asio::awaitable<void> {
    co_await caller.start();
    co_await target.start();
    co_await caller.invoke<"ask">(2);
    co_await target.stop();
    co_await caller.stop();
  };
  Outcome<void> outcome;
  asio::co_spawn(context, use(), outcome.token());
  context.run_for(20s);
  EXPECT_TRUE(outcome.done());
  EXPECT_TRUE(context.stopped()) << "run() would not return";
}

TEST_F(Lifecycle, OperationsNeedARunningService) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    node->register_handler<"ask">([] { return text_of("x"); });
    for (int round = 0; round < 2; ++round) {
      for (const InstanceId id : {InstanceId{0}, InstanceId{1}, InstanceId{2}}) {
        const auto error = co_await expect_error<MeshNotRunningError>(node->invoke<"ask">(id));
        CO_ASSERT_TRUE(error);
        EXPECT_STREQ(error->what(), "MeshService is not running");
      }
      co_await expect_error<MeshNotRunningError>(node->get_nodes());
      co_await expect_error<MeshNotRunningError>(node->broadcast<"signal">());
      if (round > 0) break;
      co_await node->start();
      co_await node->stop();
    }
    EXPECT_EQ(node->stats().calls_sent, 0U);
  });
}

// Destruction -------------------------------------------------------------------------------------

TEST_F(Lifecycle, AServiceThatNeverStartedMayBeDestroyed) {
  run_coroutine([&]() -> asio::awaitable<void> {
    auto node = co_await make_node();
    node.reset();
    co_await sleep_for(1ms);
  });
}

TEST_F(Lifecycle, DestroyingARunningServiceFailsItsPendingCalls) {
  const auto silent = make_silent_node();
  run_coroutine([&]() -> asio::awaitable<void> {
    auto node = co_await start_node();
    std::vector<Outcome<Text>> outcomes(5);
    for (const auto& outcome : outcomes) node->invoke<"ask">(777, {}, outcome.token());
    CO_ASSERT_TRUE(co_await eventually([&] { return silent->size() == 5; }));
    Outcome<Text> last;
    node->invoke<"ask">(777, {}, last.token());
    node.reset();
    for (const auto& outcome : outcomes) co_await expect_error<MeshStoppedError>(outcome.get());
    EXPECT_TRUE(co_await eventually([&] { return last.done(); }));
    EXPECT_TRUE(co_await eventually([&] { return probe().subscribers(channel(1)) == 0; }));
    EXPECT_TRUE(is_registered(1)) << "the registration is left for the leader";
  });
}

TEST_F(Lifecycle, DestroyingAServiceEndsWhatIsUnderWay) {
  run_coroutine([&]() -> asio::awaitable<void> {
    for (int round = 0; round < 5; ++round) {
      auto node = co_await make_node();
      Outcome<void> started;
      node->start(started.token());
      co_await sleep_for(milliseconds(round));
      node.reset();
      EXPECT_TRUE(co_await eventually([&] { return started.done(); }));
    }
    auto node = co_await start_node();
    Outcome<std::vector<MeshNode>> listed;
    Outcome<void> sent;
    Outcome<void> stopped;
    node->get_nodes(listed.token());
    node->broadcast<"signal">({}, sent.token());
    node->stop(stopped.token());
    node.reset();
    EXPECT_TRUE(co_await eventually([&] { return listed.done(); }));
    EXPECT_TRUE(co_await eventually([&] { return sent.done(); }));
    EXPECT_TRUE(co_await eventually([&] { return stopped.done(); }));
  });
}

TEST_F(Lifecycle, DestroyingAServiceCancelsItsHandlers) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    auto target = co_await start_node();
    bool entered = false;
    bool unwound = false;
    auto forever = [&]() -> asio::awaitable<Text> {
      entered = true;
      const std::shared_ptr<void> guard(nullptr, [&](void*) { unwound = true; });
      co_await sleep_for(10min);
      co_return text_of("never");
    };
    target->register_handler<"ask">(forever);
    Outcome<Text> outcome;
    caller->invoke<"ask">(2, {}, outcome.token());
    CO_ASSERT_TRUE(co_await eventually([&] { return entered; }));
    target.reset();
    EXPECT_TRUE(co_await eventually([&] { return unwound; }));
    co_await caller->stop();
    EXPECT_TRUE(co_await eventually([&] { return outcome.done(); }));
  });
}

TEST_F(Lifecycle, TheContextMayBeDestroyedAfterARunningServiceWithoutRunningFurther) {
  const auto silent = make_silent_node();
  asio::io_context context;
  const MeshOptions node_options = options();
  auto node = std::make_unique<Service>(context.get_executor(), key(), node_options);
  node->register_handler<"nothing">([]() -> asio::awaitable<void> { co_await sleep_for(10min); });
  Outcome<void> started;
  Outcome<void> local;
  Outcome<Text> pending;
  node->start(started.token());
  while (!started.done()) context.run_one_for(10s);
  node->invoke<"ask">(777, {}, pending.token());
  node->invoke<"nothing">(1, {}, local.token());
  while (silent->size() == 0) context.run_one_for(10ms);
  node.reset();
}

TEST_F(Lifecycle, TheContextMayBeDestroyedWhileTheServiceLivesInACoroutine) {
  const auto silent = make_silent_node();
  const MeshOptions node_options = options();
  bool unwound = false;
  bool calling = false;
  const auto live = [&]() -> asio::awaitable<void> {
    const std::shared_ptr<void> guard(nullptr, [&](void*) { unwound = true; });
    const auto executor = co_await asio::this_coro::executor;
    Service node(executor, key(), node_options);
    node.register_handler<"ask">([] { return text_of("x"); });
    co_await node.start();
    calling = true;
    co_await node.invoke<"ask">(777);
  };
  {
    asio::io_context context;
    asio::co_spawn(context, live(), asio::detached);
    while (!calling || silent->size() == 0) context.run_one_for(10ms);
  }
  EXPECT_TRUE(unwound);
}

TEST_F(Lifecycle, TheContextMayBeDestroyedWhileStartIsUnderWay) {
  for (int steps = 0; steps < 30; ++steps) {
    asio::io_context context;
    const MeshOptions node_options = options();
    auto node = std::make_unique<Service>(context.get_executor(), key(), node_options);
    Outcome<void> started;
    node->start(started.token());
    for (int step = 0; step < steps; ++step) context.run_one_for(10ms);
    node.reset();
  }
}

}  // namespace
}  // namespace mesh::test
