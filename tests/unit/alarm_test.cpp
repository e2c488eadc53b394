#include <async/alarm.hpp>

#include <gtest/gtest.h>

#include <optional>

#include <unit/run_on_strand.hpp>

namespace mesh {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::run_on_strand;

TEST(Alarm, RingsNotBeforeItsTime) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    std::optional<TimePoint> rang;
    Alarm alarm(strand, [&] { rang = Clock::now(); });
    const auto time = Clock::now() + 10ms;
    alarm.set(time);
    EXPECT_TRUE(co_await eventually([&] { return rang.has_value(); }));
    if (rang) {
      EXPECT_GE(*rang, time);
    }
  });
}

TEST(Alarm, RingsOncePerSetting) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    int rings = 0;
    Alarm alarm(strand, [&] { ++rings; });
    alarm.set(Clock::now());
    EXPECT_TRUE(co_await eventually([&] { return rings == 1; }));
    co_await test::sleep_for(20ms);
    EXPECT_EQ(rings, 1);
    alarm.set(Clock::now() + 1ms);
    EXPECT_TRUE(co_await eventually([&] { return rings == 2; }));
  });
}

TEST(Alarm, TheEarlierTimeCounts) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    int rings = 0;
    Alarm alarm(strand, [&] { ++rings; });
    alarm.set(Clock::now() + 10min);
    alarm.set(Clock::now() + 5ms);
    EXPECT_TRUE(co_await eventually([&] { return rings == 1; }));
  });
}

TEST(Alarm, CanBePutOff) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    std::optional<TimePoint> rang;
    Alarm alarm(strand, [&] { rang = Clock::now(); });
    alarm.set(Clock::now() + 5ms);
    const auto later = Clock::now() + 50ms;
    alarm.set(later);
    EXPECT_TRUE(co_await eventually([&] { return rang.has_value(); }));
    if (rang) {
      EXPECT_GE(*rang, later);
    }
  });
}

TEST(Alarm, CanBeSilencedAndSetAgain) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    int rings = 0;
    Alarm alarm(strand, [&] { ++rings; });
    alarm.set(Clock::now() + 5ms);
    alarm.set(std::nullopt);
    co_await test::sleep_for(30ms);
    EXPECT_EQ(rings, 0);
    alarm.set(Clock::now() + 5ms);
    EXPECT_TRUE(co_await eventually([&] { return rings == 1; }));
  });
}

TEST(Alarm, SilencedAndSetToALaterTimeRingsThen) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    int rings = 0;
    Alarm alarm(strand, [&] { ++rings; });
    alarm.set(Clock::now() + 5ms);
    alarm.set(std::nullopt);
    alarm.set(Clock::now() + 20ms);
    EXPECT_TRUE(co_await eventually([&] { return rings == 1; }));
  });
}

TEST(Alarm, MayBeSetWhileItRings) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    int rings = 0;
    std::optional<Alarm> alarm;
    alarm.emplace(strand, [&] {
      if (++rings < 5) alarm->set(Clock::now() + 1ms);
    });
    alarm->set(Clock::now());
    EXPECT_TRUE(co_await eventually([&] { return rings == 5; }));
  });
}

TEST(Alarm, DoesNotRingAfterItsDestruction) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    std::optional<Alarm> alarm;
    alarm.emplace(strand, [] { ADD_FAILURE() << "it rang"; });
    alarm->set(Clock::now() + 5ms);
    alarm.reset();
    alarm.emplace(strand, [] { ADD_FAILURE() << "it rang"; });
    alarm->set(Clock::now());
    alarm.reset();
    co_await test::sleep_for(20ms);
  });
}

}  // namespace
}  // namespace mesh
