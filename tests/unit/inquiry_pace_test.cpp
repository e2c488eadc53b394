#include <redis/inquiry_pace.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <random>
#include <vector>

#include <unit/virtual_time.hpp>

namespace mesh::redis {
namespace {

using namespace std::chrono_literals;

// Not later than after an interval: a leader on a master that was replaced goes on until then.
TEST(InquiryPace, AQuestionComesAfterTwoThirdsToAllOfAnInterval) {
  InquiryPace pace(15s);
  pace.note_asked(start, 0.0);
  EXPECT_EQ(pace.due(), start + 15s);
  pace.note_asked(start, 0.5);
  EXPECT_EQ(pace.due(), start + 12500ms);
  pace.note_asked(start, 0.999);
  EXPECT_GT(pace.due(), start + 10s);
  EXPECT_LT(pace.due(), start + 10100ms);
}

TEST(InquiryPace, ALeaderAsksInTimeForItsLease) {
  InquiryPace pace(15s);
  pace.note_asked(start, 0.0);
  pace.set_limit(3s, start + 1s, 0.0);
  EXPECT_EQ(pace.due(), start + 4s);
  pace.note_asked(start + 4s, 0.5);
  EXPECT_EQ(pace.due(), start + 6500ms);
  pace.set_limit(std::nullopt, start + 5s, 0.0);
  EXPECT_EQ(pace.due(), start + 6500ms);
  pace.note_asked(start + 6500ms, 0.0);
  EXPECT_EQ(pace.due(), start + 21500ms);
}

TEST(InquiryPace, ALeaderAsksNoLaterThanOthers) {
  InquiryPace pace(15s);
  pace.note_asked(start, 0.0);
  pace.set_limit(60s, start + 1s, 0.0);
  EXPECT_EQ(pace.due(), start + 15s);
  pace.note_asked(start + 15s, 0.0);
  EXPECT_EQ(pace.due(), start + 30s);
}

TEST(InquiryPace, AFleetThatConnectedAtOnceSpreadsItsQuestions) {
  constexpr std::size_t nodes = 1000;
  constexpr std::size_t seconds = 300;
  std::minstd_rand engine(5);
  std::uniform_real_distribution<double> random(0.0, 1.0);
  std::vector<std::size_t> questions(seconds + 30);
  for (std::size_t node = 0; node < nodes; ++node) {
    InquiryPace pace(15s);
    pace.note_asked(start, random(engine));
    while (pace.due() < start + std::chrono::seconds(seconds)) {
      const auto due = pace.due();
      ++questions[static_cast<std::size_t>((due - start) / 1s)];
      pace.note_asked(due, random(engine));
    }
  }
  EXPECT_LE(std::ranges::max(questions), 300U);
}

}  // namespace
}  // namespace mesh::redis
