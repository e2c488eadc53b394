#include <redis/backoff.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

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

}  // namespace
}  // namespace mesh::redis
