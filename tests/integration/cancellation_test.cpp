#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/system/system_error.hpp>
#include <integration/support/mesh_test.hpp>
#include <integration/support/outcome.hpp>
#include <integration/support/raw_peer.hpp>
#include <support/wait.hpp>

namespace mesh::test {
namespace {

using asio::experimental::awaitable_operators::operator||;

class Cancellation : public MeshTest {
 protected:
  static constexpr InstanceId peer_id = 777;

  std::unique_ptr<RawPeer> make_peer() {
    return std::make_unique<RawPeer>(redis().options(), "test:mesh:" + key(), peer_id);
  }

  template <typename Result>
  static asio::awaitable<void> expect_aborted(Outcome<Result> outcome) {
    const auto error = co_await expect_error<boost::system::system_error>(outcome.get());
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), asio::error::operation_aborted);
  }
};

TEST_F(Cancellation, EndsARemoteCallAtOnce) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                            asio::cancellation_type::total}) {
      const std::size_t before = peer->received().size();
      asio::cancellation_signal signal;
      Outcome<Text> outcome;
      node->invoke<"ask">(peer_id, {},
                          asio::bind_cancellation_slot(signal.slot(), outcome.token()));
      const Json sent = co_await peer->message(before);
      CO_ASSERT_TRUE(sent.is_object());
      EXPECT_FALSE(outcome.done());
      signal.emit(type);
      co_await expect_aborted(outcome);

      const auto dropped = node->stats().messages_late;
      const Json data{{"text", "late"}};
      peer->send(1, Json{{"requestId", sent.at("requestId")}, {"reply", true}, {"data", data}});
      EXPECT_TRUE(co_await eventually([&] { return node->stats().messages_late > dropped; }));
    }
    EXPECT_EQ(node->stats().calls_cancelled, 3U);
    co_await node->stop();
  });
}

TEST_F(Cancellation, WhatComesLateIsNoAlarm) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    asio::cancellation_signal signal;
    Outcome<Text> outcome;
    node->invoke<"ask">(peer_id, {}, asio::bind_cancellation_slot(signal.slot(), outcome.token()));
    const Json request = co_await peer->message(0);
    CO_ASSERT_TRUE(request.is_object());
    signal.emit(asio::cancellation_type::terminal);
    co_await expect_aborted(outcome);
    const Json id = request.at("requestId");
    peer->send(node->instance_id(), {{"requestId", id}, {"heartbeat", true}});
    peer->send(node->instance_id(), {{"requestId", id}, {"reply", true}, {"data", nullptr}});
    peer->send(node->instance_id(), {{"requestId", "another"}, {"heartbeat", true}});
    const auto all_are_here = [&] { return node->stats().messages_dropped > 0; };
    EXPECT_TRUE(co_await eventually(all_are_here));
    const MeshStats stats = node->stats();
    EXPECT_EQ(stats.messages_late, 2U);
    EXPECT_EQ(stats.messages_dropped, 1U);
    EXPECT_EQ(stats.calls_cancelled, 1U);
    EXPECT_EQ(stats.calls_failed, 0U);
    EXPECT_EQ(log().count("dropped a message"), 1U);
    co_await node->stop();
  });
}

TEST_F(Cancellation, WorksWithTheAwaitableOperators) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    auto call = node->invoke<"ask">(peer_id);
    auto pause = sleep_for(50ms);
    const auto result = co_await (std::move(call) || std::move(pause));
    EXPECT_EQ(result.index(), 1U);
    EXPECT_EQ(node->stats().calls_cancelled, 1U);

    node->register_handler<"ask">([] { return text_of("quick"); });
    auto local = node->invoke<"ask">(1);
    auto long_pause = sleep_for(10min);
    const auto quick = co_await (std::move(local) || std::move(long_pause));
    EXPECT_EQ(quick.index(), 0U);
    co_await node->stop();
  });
}

TEST_F(Cancellation, IsTooLateAfterTheCompletion) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto target = co_await start_node();
    target->register_handler<"ask">([] { return text_of("x"); });
    node->register_handler<"ask">([] { return text_of("x"); });
    for (const InstanceId id : {InstanceId{1}, InstanceId{2}, InstanceId{3}}) {
      asio::cancellation_signal signal;
      Outcome<Text> outcome;
      node->invoke<"ask">(id, {}, asio::bind_cancellation_slot(signal.slot(), outcome.token()));
      EXPECT_TRUE(co_await eventually([&] { return outcome.done(); }));
      signal.emit(asio::cancellation_type::terminal);
      signal.emit(asio::cancellation_type::terminal);
      co_await sleep_for(1ms);
    }
    co_await target->stop();
    co_await node->stop();
  });
}

TEST_F(Cancellation, BeforeTheCallHasBegunEndsItToo) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    asio::cancellation_signal signal;
    Outcome<Text> outcome;
    node->invoke<"ask">(peer_id, {}, asio::bind_cancellation_slot(signal.slot(), outcome.token()));
    signal.emit(asio::cancellation_type::terminal);
    co_await expect_aborted(outcome);
    co_await node->stop();
  });
}

TEST_F(Cancellation, BeforeTheServiceHasSeenTheCallEndsItToo) {
  const auto peer = make_peer();
  asio::io_context context;
  const MeshOptions node_options = options();
  auto node = std::make_unique<Service>(context.get_executor(), key(), node_options);
  const auto run_until = [&](const auto& outcome) {
    const auto deadline = SteadyClock::now() + 20s;
    while (!outcome.done() && SteadyClock::now() < deadline) context.run_one_for(10ms);
  };
  Outcome<void> started;
  node->start(started.token());
  run_until(started);
  asio::cancellation_signal signal;
  Outcome<Text> outcome;
  // Nobody runs the service's executor meanwhile.
  node->invoke<"ask">(peer_id, {}, asio::bind_cancellation_slot(signal.slot(), outcome.token()));
  signal.emit(asio::cancellation_type::terminal);
  run_until(outcome);
  EXPECT_TRUE(outcome.done());
  EXPECT_TRUE(peer->received().empty());
  node.reset();
  context.run_for(10s);
}

TEST_F(Cancellation, ReachesALocalHandler) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    bool entered = false;
    bool unwound = false;
    auto forever = [&]() -> asio::awaitable<Text> {
      const std::shared_ptr<void> guard(nullptr, [&](void*) { unwound = true; });
      entered = true;
      co_await sleep_for(10min);
      co_return text_of("never");
    };
    node->register_handler<"ask">(forever);
    asio::cancellation_signal signal;
    Outcome<Text> outcome;
    node->invoke<"ask">(1, {}, asio::bind_cancellation_slot(signal.slot(), outcome.token()));
    CO_ASSERT_TRUE(co_await eventually([&] { return entered; }));
    signal.emit(asio::cancellation_type::terminal);
    co_await expect_aborted(outcome);
    EXPECT_TRUE(unwound);
    co_await node->stop();
  });
}

TEST_F(Cancellation, CancelsTheRemoteHandler) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    bool entered = false;
    bool aborted = false;
    auto slow = [&]() -> asio::awaitable<Text> {
      entered = true;
      try {
        co_await sleep_for(10min);
      } catch (const boost::system::system_error& error) {
        aborted = error.code() == asio::error::operation_aborted;
      }
      co_return text_of("for nobody");
    };
    target->register_handler<"ask">(slow);
    asio::cancellation_signal signal;
    Outcome<Text> outcome;
    caller->invoke<"ask">(2, {}, asio::bind_cancellation_slot(signal.slot(), outcome.token()));
    CO_ASSERT_TRUE(co_await eventually([&] { return entered; }));
    EXPECT_FALSE(aborted);
    signal.emit(asio::cancellation_type::terminal);
    co_await expect_aborted(outcome);
    EXPECT_TRUE(co_await eventually([&] { return aborted; }));
    co_await target->stop();
    co_await caller->stop();
  });
}

TEST_F(Cancellation, OfStartLeavesTheServiceReadyForAnother) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    for (int round = 0; round < 12; ++round) {
      asio::cancellation_signal signal;
      Outcome<void> outcome;
      node->start(asio::bind_cancellation_slot(signal.slot(), outcome.token()));
      co_await sleep_for(milliseconds(round / 3));
      signal.emit(asio::cancellation_type::terminal);
      CO_ASSERT_TRUE(co_await eventually([&] { return outcome.done(); }));
      bool aborted = false;
      try {
        co_await outcome.get();
      } catch (const boost::system::system_error& error) {
        EXPECT_EQ(error.code(), asio::error::operation_aborted);
        aborted = true;
      }
      EXPECT_TRUE(aborted || round > 0);
      if (!aborted) co_await node->stop();
      EXPECT_EQ(node->instance_id(), 0);
      for (int id = 1; id <= round + 1; ++id) {
        EXPECT_FALSE(is_registered(id)) << "a cancelled start left its registration behind";
      }
    }
    co_await node->start();
    EXPECT_NE(node->instance_id(), 0);
    co_await node->stop();
  });
}

TEST_F(Cancellation, OfAStartThatWaitsForRedis) {
  run_coroutine([&](asio::io_context& context) -> asio::awaitable<void> {
    // It accepts connections (in its backlog) but never says a word.
    asio::ip::tcp::acceptor silent(context,
                                   asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    MeshOptions node_options = options();
    node_options.redis.port = silent.local_endpoint().port();
    node_options.redis.cluster.clear();
    node_options.redis.connect_timeout = 10min;
    const auto node = co_await make_node(node_options);
    asio::cancellation_signal signal;
    Outcome<void> outcome;
    node->start(asio::bind_cancellation_slot(signal.slot(), outcome.token()));
    co_await sleep_for(50ms);
    EXPECT_FALSE(outcome.done());
    signal.emit(asio::cancellation_type::terminal);
    co_await expect_aborted(outcome);
    EXPECT_EQ(node->instance_id(), 0);

    Outcome<void> second;
    Outcome<void> stopped;
    node->start(second.token());
    co_await sleep_for(20ms);
    node->stop(stopped.token());
    co_await stopped.get();
    co_await expect_error<MeshStoppedError>(second.get());
  });
}

TEST_F(Cancellation, EndsOperationsThatWaitForRedis) {
  RedisServer frozen;
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.redis = frozen.options();
    node_options.redis.health_check_interval = 10min;
    node_options.stop_timeout = 1s;
    const auto node = co_await start_node(node_options);
    frozen.pause();
    asio::cancellation_signal listing;
    asio::cancellation_signal sending;
    asio::cancellation_signal calling;
    Outcome<std::vector<MeshNode>> listed;
    Outcome<void> sent;
    Outcome<Text> called;
    node->get_nodes(asio::bind_cancellation_slot(listing.slot(), listed.token()));
    node->broadcast<"signal">({}, asio::bind_cancellation_slot(sending.slot(), sent.token()));
    node->invoke<"ask">(2, {}, asio::bind_cancellation_slot(calling.slot(), called.token()));
    co_await sleep_for(50ms);
    EXPECT_FALSE(listed.done() || sent.done() || called.done());
    listing.emit(asio::cancellation_type::terminal);
    co_await expect_aborted(listed);
    sending.emit(asio::cancellation_type::terminal);
    co_await expect_aborted(sent);
    calling.emit(asio::cancellation_type::terminal);
    co_await expect_aborted(called);
    frozen.resume();
    EXPECT_EQ((co_await node->get_nodes()).size(), 1U);
    co_await node->stop();
  });
}

TEST_F(Cancellation, DoesNotInterruptStop) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    asio::cancellation_signal signal;
    Outcome<void> outcome;
    node->stop(asio::bind_cancellation_slot(signal.slot(), outcome.token()));
    signal.emit(asio::cancellation_type::terminal);
    co_await outcome.get();
    EXPECT_EQ(node->instance_id(), 0);
    EXPECT_FALSE(is_registered(1));
  });
}

TEST_F(Cancellation, OfACoroutineReachesTheCallWithinIt) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto executor = co_await asio::this_coro::executor;
    auto work = [&]() -> asio::awaitable<Text> { co_return co_await node->invoke<"ask">(peer_id); };
    asio::cancellation_signal signal;
    Outcome<Text> outcome;
    asio::co_spawn(executor, work(), asio::bind_cancellation_slot(signal.slot(), outcome.token()));
    co_await peer->message(0);
    signal.emit(asio::cancellation_type::terminal);
    co_await expect_aborted(outcome);
    co_await node->stop();
  });
}

TEST_F(Cancellation, MayRaceWithTheCompletionOnAThreadPool) {
  asio::thread_pool pool(4);
  const MeshOptions node_options = options();
  auto node = std::make_unique<Service>(pool.get_executor(), key(), node_options);
  auto target = std::make_unique<Service>(pool.get_executor(), key(), node_options);
  const auto run = [](auto initiate) {
    Outcome<void> outcome;
    initiate(outcome.token());
    EXPECT_TRUE(wait_until([&] { return outcome.done(); }));
  };
  run([&](auto token) { node->start(std::move(token)); });
  run([&](auto token) { target->start(std::move(token)); });
  target->register_handler<"ask">([] { return text_of("x"); });
  node->register_handler<"ask">([] { return text_of("x"); });
  int succeeded = 0;
  int aborted = 0;
  for (int i = 0; i < 400; ++i) {
    // The signal belongs to the coroutine's strand, so it is emitted there.
    const auto strand = asio::make_strand(pool);
    asio::cancellation_signal signal;
    Outcome<Text> outcome;
    auto work = [&]() -> asio::awaitable<Text> {
      co_return co_await node->invoke<"ask">(1 + i % 2);
    };
    asio::co_spawn(strand, work(), asio::bind_cancellation_slot(signal.slot(), outcome.token()));
    std::this_thread::sleep_for(std::chrono::microseconds(i));
    std::atomic<bool> emitted = false;
    asio::post(strand, [&] {
      if (!outcome.done()) signal.emit(asio::cancellation_type::terminal);
      emitted = true;
    });
    EXPECT_TRUE(wait_until([&] { return outcome.done() && emitted; }));
    try {
      run_coroutine([&]() -> asio::awaitable<void> { co_await outcome.get(); });
      ++succeeded;
    } catch (const boost::system::system_error& error) {
      EXPECT_EQ(error.code(), asio::error::operation_aborted);
      ++aborted;
    }
  }
  EXPECT_EQ(succeeded + aborted, 400);
  run([&](auto token) { node->stop(std::move(token)); });
  run([&](auto token) { target->stop(std::move(token)); });
  node.reset();
  target.reset();
  pool.join();
}

}  // namespace
}  // namespace mesh::test
