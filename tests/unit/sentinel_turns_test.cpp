#include <redis/sentinel_turns.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <random>
#include <vector>

#include <unit/virtual_time.hpp>

namespace mesh::redis {
namespace {

using namespace std::chrono_literals;

TEST(SentinelTurns, AQuestionComesAfterOneToOneAndAHalfIntervals) {
  SentinelTurns turns(15s);
  turns.put_off(start, 0.0);
  EXPECT_EQ(turns.due(), start + 15s);
  turns.put_off(start, 0.5);
  EXPECT_EQ(turns.due(), start + 18750ms);
  turns.take(start, 0.999, 3);
  EXPECT_GT(turns.due(), start + 22s);
  EXPECT_LT(turns.due(), start + 22500ms);
}

TEST(SentinelTurns, TheSentinelsTakeTurns) {
  SentinelTurns turns(15s);
  const std::size_t first = turns.take(start, 0.9, 3);
  EXPECT_EQ(first, 2U);
  EXPECT_EQ(turns.take(start, 0.9, 3), 0U);
  EXPECT_EQ(turns.take(start, 0.1, 3), 1U);
  EXPECT_EQ(turns.take(start, 0.5, 3), 2U);
}

TEST(SentinelTurns, AFleetThatConnectedAtOnceSpreadsItsQuestions) {
  constexpr std::size_t nodes = 1000;
  constexpr std::size_t seconds = 300;
  std::minstd_rand engine(5);
  std::uniform_real_distribution<double> random(0.0, 1.0);
  std::vector<std::size_t> questions(seconds + 30);
  std::vector<std::size_t> of_sentinel(3);
  for (std::size_t node = 0; node < nodes; ++node) {
    SentinelTurns turns(15s);
    turns.put_off(start, random(engine));
    while (turns.due() < start + std::chrono::seconds(seconds)) {
      const auto due = turns.due();
      ++questions[static_cast<std::size_t>((due - start) / 1s)];
      ++of_sentinel[turns.take(due, random(engine), 3)];
      EXPECT_GE(turns.due() - due, 15s);
    }
  }
  EXPECT_LE(std::ranges::max(questions), 200U);
  EXPECT_LE(std::ranges::max(of_sentinel), std::ranges::min(of_sentinel) * 11 / 10);
}

}  // namespace
}  // namespace mesh::redis
