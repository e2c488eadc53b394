#include <async/event.hpp>

#include <gtest/gtest.h>

#include <memory>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>

#include <unit/run_on_strand.hpp>

namespace mesh {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::run_on_strand;
using test::soon;

/// Counts how many waits have ended and how.
struct Waits {
  int notified = 0;
  int timed_out = 0;
  int cancelled = 0;

  int ended() const { return notified + timed_out + cancelled; }
};

asio::awaitable<void> wait(Event& event, TimePoint deadline, Waits& waits) {
  try {
    ++(co_await event.wait_until(deadline) ? waits.notified : waits.timed_out);
  } catch (const boost::system::system_error& error) {
    EXPECT_EQ(error.code(), asio::error::operation_aborted);
    ++waits.cancelled;
  }
}

TEST(Event, WakesEveryWaiter) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Event event(strand);
    Waits waits;
    for (int i = 0; i < 3; ++i) {
      asio::co_spawn(strand, wait(event, soon(), waits), asio::detached);
    }
    co_await test::sleep_for(10ms);
    EXPECT_EQ(waits.ended(), 0);
    event.notify_all();
    EXPECT_TRUE(co_await eventually([&] { return waits.ended() == 3; }));
    EXPECT_EQ(waits.notified, 3);
  });
}

TEST(Event, TimesOut) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Event event(strand);
    EXPECT_FALSE(co_await event.wait_until(Clock::now() + 1ms));
    EXPECT_FALSE(co_await event.wait_until(Clock::now() - 1h));
  });
}

TEST(Event, NotificationIsNotRemembered) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Event event(strand);
    event.notify_all();
    EXPECT_FALSE(co_await event.wait_until(Clock::now() + 5ms));
  });
}

TEST(Event, CancellationThrows) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Event event(strand);
    Waits waits;
    asio::cancellation_signal signal;
    asio::co_spawn(strand, wait(event, soon(), waits),
                   asio::bind_cancellation_slot(signal.slot(), asio::detached));
    co_await test::sleep_for(5ms);
    signal.emit(asio::cancellation_type::terminal);
    EXPECT_TRUE(co_await eventually([&] { return waits.ended() == 1; }));
    EXPECT_EQ(waits.cancelled, 1);
    event.notify_all();  // nobody is there any more
  });
}

TEST(Event, AWaiterMayWaitAgainWithinItsWakeUp) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Event event(strand);
    int rounds = 0;
    auto loop = [&]() -> asio::awaitable<void> {
      while (rounds < 100) {
        EXPECT_TRUE(co_await event.wait_until(soon()));
        ++rounds;
      }
    };
    asio::co_spawn(strand, loop, asio::detached);
    auto all_rounds = [&] {
      event.notify_all();
      return rounds == 100;
    };
    EXPECT_TRUE(co_await eventually(all_rounds));
  });
}

}  // namespace
}  // namespace mesh
