#include <core/answered_requests.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <unit/virtual_time.hpp>

namespace mesh::core {
namespace {

using namespace std::chrono_literals;

std::string text(std::size_t size) { return std::string(size, 'x'); }

bool has_text(const AnsweredRequests& requests, const RequestId& id) {
  const auto found = requests.find(id);
  return found && found->response.has_value();
}

TEST(AnsweredRequests, RemembersTheAnswers) {
  AnsweredRequests requests(3, 100);
  EXPECT_FALSE(requests.find("a"));
  requests.add("a", "the answer");
  const auto found = requests.find("a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->response, "the answer");
}

TEST(AnsweredRequests, ForgetsTheOldestBeyondTheNumberOfIds) {
  AnsweredRequests requests(3, 100);
  for (const char* id : {"a", "b", "c"}) requests.add(id, text(1));
  for (const char* id : {"a", "b", "c"}) EXPECT_TRUE(requests.find(id));
  EXPECT_FALSE(requests.may_have_forgotten_within(1h));
  requests.add("d", text(1));
  EXPECT_FALSE(requests.find("a"));
  for (const char* id : {"b", "c", "d"}) EXPECT_TRUE(requests.find(id));
}

TEST(AnsweredRequests, KnowsHowLongAgoItMayHaveForgotten) {
  AnsweredRequests requests(1, 100);
  requests.note_time(start);
  requests.add("a", text(1));
  requests.add("b", text(1));
  for (int i = 1; i <= 100; ++i) requests.note_time(start + i * 10ms);
  EXPECT_TRUE(requests.may_have_forgotten_within(1s));
  EXPECT_FALSE(requests.may_have_forgotten_within(999ms));
}

TEST(AnsweredRequests, ATimeInWhichItWasFrozenDoesNotCount) {
  AnsweredRequests requests(1, 100);
  requests.note_time(start);
  requests.add("a", text(1));
  requests.add("b", text(1));
  requests.note_time(start + 1h);
  EXPECT_TRUE(requests.may_have_forgotten_within(1s));
}

TEST(AnsweredRequests, DropsTheOldestTextsBeyondTheNumberOfBytes) {
  AnsweredRequests requests(10, 100);
  requests.add("a", text(60));
  requests.add("b", text(40));
  EXPECT_TRUE(has_text(requests, "a"));
  requests.add("c", text(1));
  ASSERT_TRUE(requests.find("a"));
  EXPECT_FALSE(has_text(requests, "a"));
  EXPECT_TRUE(has_text(requests, "b"));
  EXPECT_TRUE(has_text(requests, "c"));
  EXPECT_FALSE(requests.may_have_forgotten_within(1h));
}

TEST(AnsweredRequests, AnAnswerLargerThanAllRoomIsNotKept) {
  AnsweredRequests requests(10, 100);
  requests.add("a", text(101));
  requests.add("b", text(100));
  ASSERT_TRUE(requests.find("a"));
  EXPECT_FALSE(has_text(requests, "a"));
  EXPECT_TRUE(has_text(requests, "b"));
}

TEST(AnsweredRequests, ARepetitionTakesNoRoomAndChangesNothing) {
  AnsweredRequests requests(2, 100);
  requests.add("a", text(1));
  for (int i = 0; i < 200; ++i) requests.add("b", text(2));
  requests.add("b", text(3));
  EXPECT_TRUE(has_text(requests, "a"));
  EXPECT_EQ(requests.find("b")->response, text(2));
}

TEST(AnsweredRequests, StaysWithinItsLimits) {
  AnsweredRequests requests(10, 25);
  for (int i = 0; i < 1000; ++i) requests.add(std::to_string(i), text(10));
  int ids = 0;
  int texts = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto found = requests.find(std::to_string(i));
    if (!found) continue;
    ++ids;
    texts += found->response ? 1 : 0;
  }
  EXPECT_EQ(ids, 10);
  EXPECT_EQ(texts, 2);
}

TEST(AnsweredRequests, GivesBackEachAnswerAsItWas) {
  AnsweredRequests requests(500, 200'000);
  const auto answer = [](int i) {
    return std::to_string(i) + std::string(static_cast<std::size_t>(i) * 7 % 2000, 'y');
  };
  for (int i = 0; i < 3000; ++i) {
    requests.add(std::to_string(i), answer(i));
    if (i % 37 == 0) requests.add("large" + std::to_string(i), std::string(50'000, 'z'));
  }
  int texts = 0;
  for (int i = 0; i < 3000; ++i) {
    if (!has_text(requests, std::to_string(i))) continue;
    EXPECT_EQ(requests.find(std::to_string(i))->response, answer(i));
    ++texts;
  }
  EXPECT_GT(texts, 20);
}

TEST(AnsweredRequests, GoesOnAfterAllAnswersWereDropped) {
  AnsweredRequests requests(1000, 20'000);
  for (int round = 0; round < 20; ++round) {
    const std::string id = std::to_string(round);
    requests.add(id + "large", text(30'000));
    EXPECT_FALSE(has_text(requests, id + "large"));
    for (int i = 0; i < 5; ++i) requests.add(id + std::to_string(i), text(7'000));
    EXPECT_FALSE(has_text(requests, id + "2"));
    EXPECT_EQ(requests.find(id + "3")->response, text(7'000));
    EXPECT_EQ(requests.find(id + "4")->response, text(7'000));
  }
}

/// Whoever chooses ids can choose such a pair.
TEST(AnsweredRequests, KnowsWhatItCannotTellApart) {
  const RequestId first = "request-number-1";
  const RequestId second = "Bt<CJ7n5m[K2VW64";
  if (std::hash<RequestId>()(first) != std::hash<RequestId>()(second)) {
    GTEST_SKIP() << "these have the same hash only where the lowest byte comes first";
  }
  AnsweredRequests requests(100, 1000);
  requests.add(first, "one");
  requests.add(first, "again");
  EXPECT_FALSE(requests.may_have_forgotten_within(1h));
  requests.add(second, "two");
  EXPECT_FALSE(requests.find(second));
  EXPECT_TRUE(requests.may_have_forgotten_within(1h));
  EXPECT_EQ(requests.find(first)->response, "one");
}

// The sanitizers end the process instead, unless they are told otherwise.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
TEST(AnsweredRequests, WhatFindsNoMemoryLeavesNoTrace) {
  AnsweredRequests requests(70, 100'000);
  for (int i = 0; i < 1000; ++i) {
    const std::string id = std::to_string(i);
    if (i % 3 == 0) {
      const std::string_view too_large("x", std::size_t{1} << 60U);
      EXPECT_THROW(requests.add(id, too_large, std::make_shared<unsigned>(1U)), std::bad_alloc);
      EXPECT_FALSE(requests.find(id));
    }
    requests.add(id, id, std::make_shared<unsigned>(2U));
    ASSERT_TRUE(requests.find(id));
    EXPECT_EQ(requests.find(id)->response, id);
    EXPECT_EQ(*requests.find(id)->deliveries, 2U);
    EXPECT_FALSE(requests.find(std::to_string(i - 70)));
  }
}
#endif

TEST(AnsweredRequests, LongIdsAreIdsToo) {
  AnsweredRequests requests(2, 100);
  const std::string id(200, 'i');
  requests.add(id + "1", "one");
  requests.add(id + "2", "two");
  EXPECT_FALSE(requests.find(id));
  EXPECT_EQ(requests.find(id + "1")->response, "one");
  EXPECT_EQ(requests.find(id + "2")->response, "two");
  requests.add("c", "three");
  EXPECT_FALSE(requests.find(id + "1"));
}

}  // namespace
}  // namespace mesh::core
