#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <integration/support/mesh_test.hpp>
#include <integration/support/outcome.hpp>
#include <integration/support/raw_peer.hpp>

namespace mesh::test {
namespace {

/// A node with a handler that runs until it is released, and one that calls it.
class Drain : public MeshTest {
 protected:
  asio::awaitable<void> start() {
    MeshOptions worker_options = options();
    worker_options.stop_timeout = std::chrono::seconds(20);
    co_await start(std::move(worker_options));
  }
  asio::awaitable<void> start(MeshOptions worker_options) {
    caller_ = co_await start_node();
    worker_ = co_await make_node(std::move(worker_options));
    worker_->register_handler<"echo">([this](Text text) -> asio::awaitable<Text> {
      if (ignores_cancellation_) {
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      }
      ++running_;
      const auto released = [this] { return released_; };
      co_await eventually(released, 60s);
      if (during_handler_) co_await during_handler_();
      co_return text;
    });
    co_await worker_->start();
    id_ = worker_->instance_id();
  }

  /// The nodes must not outlive the test's context, also where the body fails.
  template <typename Body>
  void run(Body body) {
    run_coroutine([&]() -> asio::awaitable<void> {
      std::exception_ptr error;
      try {
        co_await body();
      } catch (...) {
        error = std::current_exception();
      }
      released_ = true;
      caller_.reset();
      worker_.reset();
      if (error) std::rethrow_exception(error);
    });
  }

  asio::awaitable<void> end() { co_await caller_->stop(); }

  /// Begins a call and returns once its handler runs.
  asio::awaitable<Outcome<Text>> begin_call() {
    const int before = running_;
    Outcome<Text> outcome;
    const Text text = text_of("x");
    caller_->invoke<"echo">(id_, text, {.timeout = std::chrono::seconds(40)}, outcome.token());
    const auto runs = [this, before] { return running_ > before; };
    EXPECT_TRUE(co_await eventually(runs));
    co_return outcome;
  }

  /// Stops the worker with a drain, and returns once that has taken itself off the list.
  asio::awaitable<Outcome<void>> begin_drain() {
    Outcome<void> stopped;
    worker_->stop({.drain_timeout = std::chrono::minutes(1)}, stopped.token());
    const auto is_unlisted = [this] { return !is_registered(id_); };
    EXPECT_TRUE(co_await eventually(is_unlisted));
    co_return stopped;
  }

  std::unique_ptr<Service> caller_;
  std::unique_ptr<Service> worker_;
  InstanceId id_ = 0;
  int running_ = 0;
  bool released_ = false;
  bool ignores_cancellation_ = false;
  std::function<asio::awaitable<void>()> during_handler_;
};

TEST_F(Drain, LetsRunningHandlersFinishAndRefusesNewRequests) {
  run([&]() -> asio::awaitable<void> {
    co_await start();
    const Outcome<Text> call = co_await begin_call();
    const Outcome<void> stopped = co_await begin_drain();
    const Text text = text_of("too late");
    const auto refusal =
        co_await expect_error<MeshRefusedError>(caller_->invoke<"echo">(id_, text));
    CO_ASSERT_TRUE(refusal);
    EXPECT_STREQ(refusal->what(), "the node is stopping");
    EXPECT_FALSE(stopped.done());
    EXPECT_FALSE(call.done());
    released_ = true;
    const Text answer = co_await call.get();
    EXPECT_EQ(answer.text, "x");
    co_await stopped.get();
    EXPECT_EQ(worker_->instance_id(), 0);
    EXPECT_FALSE(probe().exists(name("owner:" + std::to_string(id_))));
    co_await end();
  });
}

TEST_F(Drain, HandlersMayStillCallOthers) {
  run([&]() -> asio::awaitable<void> {
    co_await start();
    caller_->register_handler<"getStatus">([](StatusRequest) {
      StatusReply reply;
      reply.status = "fine";
      return reply;
    });
    std::string status;
    during_handler_ = [&]() -> asio::awaitable<void> {
      const StatusRequest request;
      const StatusReply reply =
          co_await worker_->invoke<"getStatus">(caller_->instance_id(), request);
      status = reply.status;
    };
    const Outcome<Text> call = co_await begin_call();
    const Outcome<void> stopped = co_await begin_drain();
    released_ = true;
    co_await call.get();
    EXPECT_EQ(status, "fine");
    co_await stopped.get();
    co_await end();
  });
}

TEST_F(Drain, ADrainingNodeDoesNotRegisterAgain) {
  run([&]() -> asio::awaitable<void> {
    co_await start();
    const Outcome<Text> call = co_await begin_call();
    const Outcome<void> stopped = co_await begin_drain();
    EXPECT_TRUE(co_await heartbeats_pass(caller_->instance_id(), 4));
    EXPECT_FALSE(is_registered(id_));
    released_ = true;
    co_await call.get();
    co_await stopped.get();
    co_await end();
  });
}

TEST_F(Drain, GoesOnRefusingNewRequestsAfterAReconnect) {
  run([&]() -> asio::awaitable<void> {
    co_await start();
    const Outcome<Text> call = co_await begin_call();
    const Outcome<void> stopped = co_await begin_drain();
    const auto before = worker_->stats().reconnects;
    kill_connections("normal");
    const auto is_back = [&] { return worker_->stats().reconnects > before; };
    CO_ASSERT_TRUE(co_await eventually(is_back));
    const Text text = text_of("too late");
    const auto refusal =
        co_await expect_error<MeshRefusedError>(caller_->invoke<"echo">(id_, text));
    CO_ASSERT_TRUE(refusal);
    EXPECT_STREQ(refusal->what(), "the node is stopping");
    released_ = true;
    co_await call.get();
    co_await stopped.get();
    co_await end();
  });
}

TEST_F(Drain, RepetitionsGetHeartbeatsAfterAReconnectToo) {
  run([&]() -> asio::awaitable<void> {
    co_await start();
    RawPeer peer(redis().options(), "test:mesh:" + key(), 99);
    Json request = peer.request("id-1", "echo", text_of("x"), 600'000);
    peer.send(id_, request);
    const auto runs = [this] { return running_ == 1; };
    CO_ASSERT_TRUE(co_await eventually(runs));
    const Outcome<void> stopped = co_await begin_drain();
    const auto before = worker_->stats().reconnects;
    kill_connections("normal");
    const auto is_back = [&] { return worker_->stats().reconnects > before; };
    CO_ASSERT_TRUE(co_await eventually(is_back));
    // The first of its own would come after 450 s.
    EXPECT_EQ(peer.heartbeats("id-1"), 0U);
    request["repeat"] = true;
    probe().publish(channel(id_), request.dump());
    const auto is_told = [&] { return peer.heartbeats("id-1") == 1; };
    EXPECT_TRUE(co_await eventually(is_told));
    EXPECT_EQ(running_, 1);
    released_ = true;
    co_await stopped.get();
    co_await end();
  });
}

TEST_F(Drain, HandlersAreCancelledWhenItsTimeIsOver) {
  run([&]() -> asio::awaitable<void> {
    co_await start();
    const Outcome<Text> call = co_await begin_call();
    co_await worker_->stop({.drain_timeout = std::chrono::milliseconds(20)});
    EXPECT_EQ(worker_->instance_id(), 0);
    EXPECT_EQ(log().count("drain_timeout"), 1U);
    const auto error = co_await expect_error<MeshRefusedError>(call.get());
    CO_ASSERT_TRUE(error);
    EXPECT_STREQ(error->what(), "MeshService stopped");
    co_await end();
  });
}

TEST_F(Drain, AStopLetsRunningHandlersFinishOfItsOwnAccord) {
  run([&]() -> asio::awaitable<void> {
    MeshOptions patient = options();
    patient.drain_timeout = 10s;
    patient.stop_timeout = 40s;
    co_await start(std::move(patient));
    const Outcome<Text> call = co_await begin_call();
    Outcome<void> stopped;
    worker_->stop(stopped.token());
    const auto is_unlisted = [this] { return !is_registered(id_); };
    CO_ASSERT_TRUE(co_await eventually(is_unlisted));
    const Text text = text_of("too late");
    const auto refusal =
        co_await expect_error<MeshRefusedError>(caller_->invoke<"echo">(id_, text));
    CO_ASSERT_TRUE(refusal);
    EXPECT_STREQ(refusal->what(), "the node is stopping");
    EXPECT_FALSE(stopped.done());
    released_ = true;
    const Text answer = co_await call.get();
    EXPECT_EQ(answer.text, "x");
    co_await stopped.get();
    EXPECT_EQ(log().count("drain_timeout"), 0U);
    co_await end();
  });
}

TEST_F(Drain, OfAStopsOwnAccordItTakesHalfOfStopTimeoutAtMost) {
  run([&]() -> asio::awaitable<void> {
    MeshOptions hasty = options();
    hasty.drain_timeout = std::chrono::hours(1);
    hasty.stop_timeout = 1s;
    co_await start(std::move(hasty));
    const Outcome<Text> call = co_await begin_call();
    co_await worker_->stop();
    // The other half is left for the answer.
    const auto error = co_await expect_error<MeshRefusedError>(call.get());
    CO_ASSERT_TRUE(error);
    EXPECT_STREQ(error->what(), "MeshService stopped");
    co_await end();
  });
}

TEST_F(Drain, OfAStopsOwnAccordItTakesDrainTimeoutAtMost) {
  run([&]() -> asio::awaitable<void> {
    MeshOptions hasty = options();
    hasty.drain_timeout = 20ms;
    hasty.stop_timeout = std::chrono::hours(2);
    co_await start(std::move(hasty));
    const Outcome<Text> call = co_await begin_call();
    co_await worker_->stop();
    EXPECT_EQ(log().count("drain_timeout"), 1U);
    const auto error = co_await expect_error<MeshRefusedError>(call.get());
    CO_ASSERT_TRUE(error);
    EXPECT_STREQ(error->what(), "MeshService stopped");
    co_await end();
  });
}

TEST_F(Drain, OfAStopsOwnAccordItDoesNotProlongTheStop) {
  run([&]() -> asio::awaitable<void> {
    MeshOptions hasty = options();
    hasty.drain_timeout = std::chrono::hours(1);
    hasty.stop_timeout = 4s;
    co_await start(std::move(hasty));
    ignores_cancellation_ = true;
    const Outcome<Text> call = co_await begin_call();
    const auto begin = SteadyClock::now();
    co_await worker_->stop();
    // After a drain of 2 s handlers are waited for until 3/4 of the time are over.
    EXPECT_LT(SteadyClock::now() - begin, 2s + 3s);
    released_ = true;
    co_await end();
  });
}

TEST_F(Drain, AStopMayRefuseIt) {
  run([&]() -> asio::awaitable<void> {
    MeshOptions patient = options();
    patient.drain_timeout = std::chrono::hours(1);
    patient.stop_timeout = std::chrono::hours(2);
    co_await start(std::move(patient));
    const Outcome<Text> call = co_await begin_call();
    co_await worker_->stop({.drain_timeout = 0ms});
    const auto error = co_await expect_error<MeshRefusedError>(call.get());
    CO_ASSERT_TRUE(error);
    EXPECT_STREQ(error->what(), "MeshService stopped");
    EXPECT_EQ(log().count("drain_timeout"), 0U);
    co_await end();
  });
}

TEST_F(Drain, AnIdleNodeDoesNotWaitForIt) {
  run([&]() -> asio::awaitable<void> {
    MeshOptions patient = options();
    patient.drain_timeout = std::chrono::hours(1);
    patient.stop_timeout = std::chrono::hours(2);
    const auto node = co_await start_node(std::move(patient));
    co_await node->stop();
    EXPECT_EQ(node->instance_id(), 0);
  });
}

TEST_F(Drain, ASecondStopCutsItShort) {
  run([&]() -> asio::awaitable<void> {
    co_await start();
    const Outcome<Text> call = co_await begin_call();
    const Outcome<void> first = co_await begin_drain();
    EXPECT_FALSE(first.done());
    co_await worker_->stop();
    co_await first.get();
    EXPECT_EQ(worker_->instance_id(), 0);
    const auto error = co_await expect_error<MeshRefusedError>(call.get());
    CO_ASSERT_TRUE(error);
    EXPECT_STREQ(error->what(), "MeshService stopped");
    co_await end();
  });
}

TEST_F(Drain, AServiceMayBeDestroyedMeanwhile) {
  run([&]() -> asio::awaitable<void> {
    co_await start();
    ignores_cancellation_ = true;
    const Outcome<Text> call = co_await begin_call();
    const Outcome<void> stopped = co_await begin_drain();
    worker_.reset();
    co_await stopped.get();
    released_ = true;
    co_await end();
  });
}

TEST_F(Drain, ANegativeTimeIsRefused) {
  run([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    EXPECT_THROW(static_cast<void>(node->stop({.drain_timeout = std::chrono::milliseconds(-1)})),
                 std::invalid_argument);
  });
}

}  // namespace
}  // namespace mesh::test
