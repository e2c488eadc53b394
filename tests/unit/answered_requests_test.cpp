#include <core/answered_requests.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace mesh::core {
namespace {

using namespace std::chrono_literals;

const TimePoint start{};

AnsweredRequests::Text text(std::size_t size) {
  return std::make_shared<const std::string>(size, 'x');
}

TEST(AnsweredRequests, RemembersTheAnswers) {
  AnsweredRequests requests(3, 100);
  EXPECT_EQ(requests.find("a"), nullptr);
  requests.add("a", std::make_shared<const std::string>("the answer"));
  const auto* const found = requests.find("a");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(**found, "the answer");
}

TEST(AnsweredRequests, ForgetsTheOldestBeyondTheNumberOfIds) {
  AnsweredRequests requests(3, 100);
  for (const char* id : {"a", "b", "c"}) requests.add(id, text(1));
  for (const char* id : {"a", "b", "c"}) EXPECT_NE(requests.find(id), nullptr);
  EXPECT_FALSE(requests.may_have_forgotten_within(1h));
  requests.add("d", text(1));
  EXPECT_EQ(requests.find("a"), nullptr);
  for (const char* id : {"b", "c", "d"}) EXPECT_NE(requests.find(id), nullptr);
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
  EXPECT_TRUE(*requests.find("a"));
  requests.add("c", text(1));
  ASSERT_NE(requests.find("a"), nullptr);
  EXPECT_FALSE(*requests.find("a"));
  EXPECT_TRUE(*requests.find("b"));
  EXPECT_TRUE(*requests.find("c"));
  EXPECT_FALSE(requests.may_have_forgotten_within(1h));
}

TEST(AnsweredRequests, AnAnswerLargerThanAllRoomIsNotKept) {
  AnsweredRequests requests(10, 100);
  requests.add("a", text(101));
  requests.add("b", text(100));
  ASSERT_NE(requests.find("a"), nullptr);
  EXPECT_FALSE(*requests.find("a"));
  EXPECT_TRUE(*requests.find("b"));
}

TEST(AnsweredRequests, ARepetitionTakesNoRoomAndChangesNothing) {
  AnsweredRequests requests(2, 100);
  requests.add("a", text(1));
  for (int i = 0; i < 200; ++i) requests.add("b", text(2));
  requests.add("b", text(3));
  EXPECT_TRUE(*requests.find("a"));
  EXPECT_EQ((*requests.find("b"))->size(), 2U);
}

TEST(AnsweredRequests, StaysWithinItsLimits) {
  AnsweredRequests requests(10, 25);
  for (int i = 0; i < 1000; ++i) requests.add(std::to_string(i), text(10));
  int ids = 0;
  int texts = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto* const found = requests.find(std::to_string(i));
    if (found == nullptr) continue;
    ++ids;
    texts += *found ? 1 : 0;
  }
  EXPECT_EQ(ids, 10);
  EXPECT_EQ(texts, 2);
}

}  // namespace
}  // namespace mesh::core
