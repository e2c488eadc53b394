#include <redis/health_check.hpp>

#include <gtest/gtest.h>

namespace mesh::redis {
namespace {

using namespace std::chrono_literals;
using Action = HealthCheck::Action;

const TimePoint start = TimePoint() + 1h;

TEST(HealthCheck, WaitsWhileTheConnectionIsFresh) {
  HealthCheck check(5s, start);
  EXPECT_EQ(check.next_poll(), start + 5s);
  EXPECT_EQ(check.poll(start + 4999ms, start), Action::wait);
}

TEST(HealthCheck, PingsAfterSilence) {
  HealthCheck check(5s, start);
  EXPECT_EQ(check.poll(start + 5s, start), Action::ping);
  EXPECT_EQ(check.next_poll(), start + 10s);
}

TEST(HealthCheck, TrafficPostponesThePing) {
  HealthCheck check(5s, start);
  EXPECT_EQ(check.poll(start + 5s, start + 3s), Action::wait);
  EXPECT_EQ(check.next_poll(), start + 8s);
  EXPECT_EQ(check.poll(start + 8s, start + 3s), Action::ping);
}

TEST(HealthCheck, GivesUpWhenThePingIsNotAnswered) {
  HealthCheck check(5s, start);
  ASSERT_EQ(check.poll(start + 5s, start), Action::ping);
  EXPECT_EQ(check.poll(start + 9999ms, start), Action::wait);
  EXPECT_EQ(check.poll(start + 10s, start), Action::give_up);
}

TEST(HealthCheck, DoesNotPingTwice) {
  HealthCheck check(5s, start);
  ASSERT_EQ(check.poll(start + 5s, start), Action::ping);
  EXPECT_EQ(check.poll(start + 6s, start), Action::wait);
  EXPECT_EQ(check.poll(start + 9s, start), Action::wait);
}

TEST(HealthCheck, AnyByteAfterThePingIsAnAnswer) {
  HealthCheck check(5s, start);
  ASSERT_EQ(check.poll(start + 5s, start), Action::ping);
  EXPECT_EQ(check.poll(start + 10s, start + 5s), Action::ping);  // 5 s silent again
  EXPECT_EQ(check.poll(start + 12s, start + 11s), Action::wait);
  EXPECT_EQ(check.next_poll(), start + 16s);
}

TEST(HealthCheck, BytesFromBeforeThePingAreNoAnswer) {
  HealthCheck check(5s, start);
  ASSERT_EQ(check.poll(start + 6s, start + 1s), Action::ping);
  EXPECT_EQ(check.poll(start + 11s, start + 5s), Action::give_up);
}

TEST(HealthCheck, ALateOlderReadDoesNotTurnTimeBack) {
  HealthCheck check(5s, start);
  EXPECT_EQ(check.poll(start + 4s, start + 4s), Action::wait);
  EXPECT_EQ(check.poll(start + 5s, start), Action::wait);
  EXPECT_EQ(check.next_poll(), start + 9s);
}

TEST(HealthCheck, AProcessThatWasFrozenAsksFirst) {
  HealthCheck check(5s, start);
  EXPECT_EQ(check.poll(start + 1h, start), Action::ping);
  EXPECT_EQ(check.poll(start + 1h + 1s, start + 1h), Action::wait);
}

TEST(HealthCheck, NextPollIsNeverInThePastOfAnIdleConnection) {
  HealthCheck check(5s, start);
  TimePoint now = start;
  int pings = 0;
  for (int i = 0; i < 20; ++i) {
    const auto next = check.next_poll();
    ASSERT_GT(next, now);
    now = next;
    const auto action = check.poll(now, now - 4s);
    ASSERT_NE(action, Action::give_up);
    if (action == Action::ping) ++pings;
  }
}

}  // namespace
}  // namespace mesh::redis
