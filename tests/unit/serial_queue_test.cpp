#include <async/serial_queue.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include <boost/asio/this_coro.hpp>

#include <unit/run_on_strand.hpp>
#include <util/describe_error.hpp>

namespace mesh {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::run_on_strand;
using test::soon;

TEST(SerialQueue, RunsTasksInOrderOneAtATime) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SerialQueue queue(strand, strand.get_inner_executor(), nullptr);
    std::string trace;
    for (const char name : {'a', 'b', 'c'}) {
      queue.push([&trace, name]() -> asio::awaitable<void> {
        trace += name;
        co_await test::sleep_for(name == 'a' ? 10ms : 1ms);
        trace += static_cast<char>(name - 'a' + 'A');
      });
    }
    EXPECT_TRUE(co_await queue.drain_until(soon()));
    EXPECT_EQ(trace, "aAbBcC");
  });
}

TEST(SerialQueue, AFailureIsReportedAndDoesNotStopTheRest) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    std::string reported;
    SerialQueue queue(strand, strand.get_inner_executor(),
                      [&](const std::exception_ptr& error) { reported += describe_error(error); });
    bool done = false;
    queue.push([]() -> asio::awaitable<void> {
      throw std::runtime_error("boom");
      co_return;
    });
    queue.push([]() -> asio::awaitable<void> { throw std::runtime_error(" from the call"); });
    queue.push([&]() -> asio::awaitable<void> {
      done = true;
      co_return;
    });
    EXPECT_TRUE(co_await queue.drain_until(soon()));
    EXPECT_EQ(reported, "boom from the call");
    EXPECT_TRUE(done);
  });
}

TEST(SerialQueue, ATaskMayPushAnother) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SerialQueue queue(strand, strand.get_inner_executor(), nullptr);
    std::string trace;
    queue.push([&]() -> asio::awaitable<void> {
      trace += "1";
      queue.push([&]() -> asio::awaitable<void> {
        trace += "3";
        co_return;
      });
      trace += "2";
      co_return;
    });
    EXPECT_TRUE(co_await eventually([&] { return trace == "123"; }));
    EXPECT_TRUE(co_await queue.drain_until(soon()));
  });
}

TEST(SerialQueue, DrainGivesUpAtTheDeadline) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SerialQueue queue(strand, strand.get_inner_executor(), nullptr);
    queue.push([]() -> asio::awaitable<void> { co_await test::sleep_for(10min); });
    EXPECT_FALSE(co_await queue.drain_until(Clock::now() + 5ms));
    queue.abandon();
    EXPECT_TRUE(co_await queue.drain_until(soon()));
  });
}

TEST(SerialQueue, AbandonDropsWhatHasNotBegun) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SerialQueue queue(strand, strand.get_inner_executor(), nullptr);
    queue.push([]() -> asio::awaitable<void> { co_await test::sleep_for(10min); });
    queue.push([]() -> asio::awaitable<void> {
      ADD_FAILURE() << "was run";
      co_return;
    });
    co_await test::sleep_for(5ms);
    queue.abandon();
    EXPECT_TRUE(co_await queue.drain_until(soon()));
  });
}

TEST(SerialQueue, AbandonDropsWhatOnlyWaitsForTheExecutor) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SerialQueue queue(strand, strand.get_inner_executor(), nullptr);
    queue.push([]() -> asio::awaitable<void> {
      ADD_FAILURE() << "was run";
      co_return;
    });
    queue.abandon();
    EXPECT_TRUE(co_await queue.drain_until(soon()));
  });
}

TEST(SerialQueue, CanBeUsedAgainAfterAbandon) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SerialQueue queue(strand, strand.get_inner_executor(), nullptr);
    queue.push([]() -> asio::awaitable<void> { co_await test::sleep_for(10min); });
    co_await test::sleep_for(5ms);
    queue.abandon();
    EXPECT_TRUE(co_await queue.drain_until(soon()));
    bool done = false;
    queue.push([&]() -> asio::awaitable<void> {
      done = true;
      co_return;
    });
    EXPECT_TRUE(co_await queue.drain_until(soon()));
    EXPECT_TRUE(done);
  });
}

TEST(SerialQueue, ATaskThatIgnoresCancellationDoesNotOverlapWithTheNext) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SerialQueue queue(strand, strand.get_inner_executor(), nullptr);
    bool begun = false;
    bool may_end = false;
    bool ended = false;
    queue.push([&]() -> asio::awaitable<void> {
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      begun = true;
      EXPECT_TRUE(co_await eventually([&] { return may_end; }));
      ended = true;
    });
    EXPECT_TRUE(co_await eventually([&] { return begun; }));
    queue.abandon();
    bool next_ran = false;
    queue.push([&]() -> asio::awaitable<void> {
      EXPECT_TRUE(ended);
      next_ran = true;
      co_return;
    });
    co_await test::sleep_for(5ms);
    EXPECT_FALSE(next_ran);
    may_end = true;
    EXPECT_TRUE(co_await queue.drain_until(soon()));
    EXPECT_TRUE(next_ran);
  });
}

}  // namespace
}  // namespace mesh
