#include <core/waiting_requests.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <core/heartbeat_interval.hpp>
#include <unit/virtual_time.hpp>

namespace mesh::core {
namespace {

using namespace std::chrono_literals;

WaitingRequest waiting(const std::string& id, TimePoint arrived_at = start,
                       std::chrono::milliseconds timeout = 1s) {
  WaitingRequest result;
  result.request.request_id = id;
  result.request.size = 10;
  result.timeout = timeout;
  result.arrived_at = arrived_at;
  result.heard_at = arrived_at;
  result.next_heartbeat = arrived_at + heartbeat_interval(timeout);
  return result;
}

WaitingRequests roomy() { return WaitingRequests({100, 1000, 1h}); }

TEST(WaitingRequests, ComeOutInTheOrderInWhichTheyArrived) {
  WaitingRequests requests = roomy();
  for (const char* const id : {"c", "a", "b"}) requests.push(waiting(id));
  EXPECT_EQ(requests.size(), 3U);
  std::vector<std::string> order;
  while (const auto next = requests.pop()) order.emplace_back(next->request.request_id.view());
  EXPECT_EQ(order, (std::vector<std::string>{"c", "a", "b"}));
  EXPECT_TRUE(requests.empty());
}

TEST(WaitingRequests, AreBoundedInNumberAndBytes) {
  WaitingRequests few({2, 1000, 1h});
  WaitingRequests small({100, 25, 1h});
  for (WaitingRequests* const requests : {&few, &small}) {
    requests->push(waiting("1"));
    EXPECT_TRUE(requests->has_room_for(waiting("2").request));
    requests->push(waiting("2"));
    EXPECT_FALSE(requests->has_room_for(waiting("3").request));
    requests->pop();
    EXPECT_TRUE(requests->has_room_for(waiting("3").request));
  }
}

TEST(WaitingRequests, HeartbeatsAreDueFromTheArrivalOnAndGoOn) {
  WaitingRequests requests = roomy();
  requests.push(waiting("slow", start, 4s));
  requests.push(waiting("quick", start, 1s));
  EXPECT_EQ(requests.next_event(), start + 750ms);
  EXPECT_EQ(requests.take_due_heartbeat(start + 749ms), nullptr);
  const WaitingRequest* const first = requests.take_due_heartbeat(start + 750ms);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->request.request_id, "quick");
  EXPECT_EQ(requests.take_due_heartbeat(start + 750ms), nullptr);
  EXPECT_EQ(requests.next_event(), start + 1500ms);
  // Whoever runs it goes on from there.
  requests.pop();
  EXPECT_EQ(requests.pop()->next_heartbeat, start + 1500ms);
}

TEST(WaitingRequests, AreOverdueAfterTheTimeThatTheyMayWait) {
  WaitingRequests requests({100, 1000, 10s});
  requests.push(waiting("1", start, 1h));
  requests.push(waiting("2", start + 1s, 1h));
  EXPECT_FALSE(requests.pop_overdue(start + 10s - 1ms));
  EXPECT_EQ(requests.next_event(), start + 10s);
  EXPECT_EQ(requests.pop_overdue(start + 10s)->request.request_id, "1");
  EXPECT_FALSE(requests.pop_overdue(start + 10s));
  EXPECT_EQ(requests.pop_overdue(start + 11s)->request.request_id, "2");
  EXPECT_FALSE(requests.next_event());
}

TEST(WaitingRequests, GiveTheirRoomToOthersWhenTheyAreRemoved) {
  WaitingRequests requests({2, 20, 1h});
  for (const char* const id : {"first", "second"}) requests.push(waiting(id));
  requests.remove("second");
  requests.remove("unknown");
  EXPECT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests.find("second"), nullptr);
  EXPECT_TRUE(requests.has_room_for(waiting("third").request));
  requests.push(waiting("third"));
  requests.remove("first");
  EXPECT_EQ(requests.next_event(), start + 750ms);
  const auto next = requests.pop();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->request.request_id, "third");
  EXPECT_TRUE(requests.empty());
  EXPECT_EQ(requests.next_event(), std::nullopt);
}

TEST(WaitingRequests, AreBoundedAlsoWhereAllButOneAreRemoved) {
  WaitingRequests requests({4, 1000, 1h});
  requests.push(waiting("first"));
  int pushed = 0;
  for (; pushed < 100 && requests.has_room_for(waiting("x").request); ++pushed) {
    requests.push(waiting("x"));
    requests.remove("x");
  }
  EXPECT_EQ(pushed, 7);
}

TEST(WaitingRequests, AreFoundByTheirIds) {
  WaitingRequests requests = roomy();
  requests.push(waiting("1"));
  ASSERT_NE(requests.find("1"), nullptr);
  requests.find("1")->request.sender = 7;
  EXPECT_EQ(requests.find("2"), nullptr);
  EXPECT_EQ(requests.drain().at(0).request.sender, 7);
  EXPECT_EQ(requests.find("1"), nullptr);
}

}  // namespace
}  // namespace mesh::core
