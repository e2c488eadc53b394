#include <redis/backoff.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

namespace mesh::redis {
namespace {

using namespace std::chrono_literals;

constexpr double almost_one = 0.999999999;

TEST(Backoff, EvenTheFirstDelayIsSpread) {
  Backoff low(50ms, 5000ms);
  Backoff high(50ms, 5000ms);
  EXPECT_EQ(low.next(0.0), 50ms);
  EXPECT_EQ(high.next(almost_one), 99ms);
}

TEST(Backoff, CeilingDoublesUpToTheMaximum) {
  Backoff backoff(50ms, 450ms);
  EXPECT_EQ(backoff.next(1.0), 100ms);
  EXPECT_EQ(backoff.next(1.0), 200ms);
  EXPECT_EQ(backoff.next(1.0), 400ms);
  EXPECT_EQ(backoff.next(1.0), 450ms);
  EXPECT_EQ(backoff.next(1.0), 450ms);
}

TEST(Backoff, DelayIsNeverBelowTheMinimum) {
  Backoff backoff(50ms, 5000ms);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(backoff.next(0.0), 50ms);
}

TEST(Backoff, DelayLiesBetweenMinimumAndCeiling) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> numbers(0.0, 1.0);
  Backoff backoff(20ms, 1000ms);
  auto ceiling = 40ms;
  for (int i = 0; i < 1000; ++i) {
    const auto delay = backoff.next(numbers(random));
    EXPECT_GE(delay, 20ms);
    EXPECT_LE(delay, ceiling);
    ceiling = std::min<Backoff::Duration>(ceiling * 2, 1000ms);
  }
}

TEST(Backoff, JitterSpreadsTheDelays) {
  Backoff low(10ms, 1000ms);
  Backoff high(10ms, 1000ms);
  for (int i = 0; i < 5; ++i) {
    low.next(0.1);
    high.next(0.9);
  }
  EXPECT_LT(low.next(0.1), high.next(0.9));
}

TEST(Backoff, ResetStartsAnew) {
  Backoff backoff(50ms, 5000ms);
  for (int i = 0; i < 10; ++i) backoff.next(1.0);
  backoff.reset();
  EXPECT_EQ(backoff.next(1.0), 100ms);
  EXPECT_EQ(backoff.next(1.0), 200ms);
}

TEST(Backoff, EqualBoundsGiveAConstantDelay) {
  Backoff backoff(7ms, 7ms);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(backoff.next(0.5), 7ms);
}

TEST(Backoff, LongestDelaysDoNotOverflow) {
  constexpr auto year = std::chrono::hours(24 * 365);
  Backoff backoff(year, year);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(backoff.next(almost_one), year);
}

// In virtual time -------------------------------------------------------------------------------

/// How long after the end of an outage a connection is tried that was lost at its beginning.
Backoff::Duration lag_after(Backoff::Duration outage, std::mt19937& random) {
  std::uniform_real_distribution<double> numbers(0.0, 1.0);
  Backoff backoff(50ms, 5000ms);
  Backoff::Duration now{0};
  while (now < outage) now += backoff.next(numbers(random), now);
  return now - outage;
}

TEST(Backoff, CallsFlowSoonAfterAShortOutage) {
  std::mt19937 random(1);
  for (const auto outage : {100ms, 1000ms, 2000ms, 5000ms}) {
    std::vector<Backoff::Duration> lags;
    for (int i = 0; i < 1000; ++i) {
      Backoff::Duration last{0};  // of the connections of two nodes
      for (int connection = 0; connection < 4; ++connection) {
        last = std::max(last, lag_after(outage, random));
      }
      lags.push_back(last);
    }
    std::ranges::sort(lags);
    EXPECT_LT(lags[lags.size() / 2], 400ms) << outage.count();
    EXPECT_LT(lags.back(), 600ms) << outage.count();
  }
}

TEST(Backoff, ManyNodesDoNotComeBackInOneInstant) {
  std::mt19937 random(1);
  for (const auto outage : {1000ms, 5000ms, 60000ms}) {
    std::map<std::int64_t, int> in_ten_ms;
    for (int i = 0; i < 1000; ++i) ++in_ten_ms[lag_after(outage, random) / 10ms];
    for (const auto& [time, count] : in_ten_ms) EXPECT_LT(count, 100) << time;
  }
}

TEST(Backoff, DelaysGrowOnlyWhileTheOutageLasts) {
  Backoff backoff(50ms, 5000ms);
  for (int i = 0; i < 20; ++i) EXPECT_LE(backoff.next(1.0, 4800ms), 400ms);
  EXPECT_EQ(backoff.next(1.0, 12s), 1000ms);
  EXPECT_EQ(backoff.next(1.0, 1h), 5000ms);
}

TEST(Backoff, DelaysAreSpreadAlsoWhereTheMinimumIsLong) {
  Backoff backoff(2000ms, 5000ms);
  EXPECT_EQ(backoff.next(0.0, 100ms), 2000ms);
  EXPECT_EQ(backoff.next(1.0, 100ms), 4000ms);
  EXPECT_EQ(backoff.next(1.0, 100ms), 4000ms);
}

}  // namespace
}  // namespace mesh::redis
