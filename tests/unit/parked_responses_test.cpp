#include <core/parked_responses.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include <unit/virtual_time.hpp>

namespace mesh::core {
namespace {

using namespace std::chrono_literals;

OutgoingResponse response_to(InstanceId caller, const std::string& text = "response",
                             Clock::duration useful_for = 1h) {
  OutgoingResponse response;
  response.target = caller;
  response.message = text;
  response.deadline = start + useful_for;
  return response;
}

ParkedResponses with_room() { return ParkedResponses({100000, 1min}); }

TEST(ParkedResponses, ACallerIsAskedAboutOnceForAllOfThem) {
  ParkedResponses parked = with_room();
  parked.add(response_to(1), start, start + 1s);
  parked.add(response_to(1), start, start + 2s);
  parked.add(response_to(2), start, start + 3s);
  EXPECT_EQ(parked.next_due(), start + 1s);
  EXPECT_FALSE(parked.take_due(start + 1s - 1ms));
  EXPECT_EQ(parked.take_due(start + 2s), 1);
  EXPECT_FALSE(parked.take_due(start + 2s)) << "while the question is under way";
  EXPECT_EQ(parked.next_due(), start + 3s);
  parked.ask_again(1, start + 4s);
  EXPECT_EQ(parked.take_due(start + 4s), 2);
  EXPECT_EQ(parked.take_due(start + 4s), 1);
  EXPECT_FALSE(parked.next_due());
}

TEST(ParkedResponses, LeaveInTheirOrderAndInPortions) {
  ParkedResponses parked = with_room();
  for (const char* const text : {"1", "2", "3"}) {
    parked.add(response_to(1, text), start, start);
  }
  EXPECT_EQ(parked.take(1, 2).size(), 2U);
  ASSERT_NE(parked.first(1), nullptr);
  EXPECT_EQ(parked.first(1)->message, "3");
  EXPECT_EQ(parked.take(1, 2).size(), 1U);
  EXPECT_EQ(parked.first(1), nullptr);
  EXPECT_TRUE(parked.take(1, 2).empty());
  EXPECT_FALSE(parked.next_due());
}

TEST(ParkedResponses, AreBoundedInBytes) {
  const OutgoingResponse large = response_to(2, std::string(1000, 'x'));
  ParkedResponses parked({ParkedResponses::size_of(large) + 200, 1min});
  parked.add(large, start, start);
  EXPECT_FALSE(parked.has_room_for(large));
  parked.take(2, 1);
  EXPECT_TRUE(parked.has_room_for(large));
  parked.add(large, start, start);
  parked.clear();
  EXPECT_TRUE(parked.has_room_for(large));
  EXPECT_FALSE(parked.next_due());
}

TEST(ParkedResponses, WithoutATextTheyTakeMemoryToo) {
  ParkedResponses parked({10000, 1min});
  int count = 0;
  for (; parked.has_room_for(response_to(1, "")); ++count) {
    parked.add(response_to(1, ""), start, start);
  }
  EXPECT_GT(count, 10);
  EXPECT_LT(count, 200);
}

TEST(ParkedResponses, WaitNoLongerThanTheyMayHoweverLongTheyAreOfUse) {
  ParkedResponses parked = with_room();
  parked.add(response_to(1, "brief", 1s), start, start);
  parked.add(response_to(1, "long", 24h), start, start);
  EXPECT_TRUE(parked.take_expired(1, start + 1s - 1ms).empty());
  const auto first = parked.take_expired(1, start + 1s);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first.front().message, "brief");
  // Trying in vain begins no new time.
  auto tried = parked.take(1, 1);
  parked.add(tried.front(), start + 59s, start + 59s);
  EXPECT_TRUE(parked.take_expired(1, start + 1min - 1ms).empty());
  EXPECT_EQ(parked.take_expired(1, start + 1min).size(), 1U);
  EXPECT_FALSE(parked.next_due());
}

}  // namespace
}  // namespace mesh::core
