#include <redis/health_check.hpp>

#include <gtest/gtest.h>
#include <unit/virtual_time.hpp>

namespace mesh::redis {
namespace {

using namespace std::chrono_literals;
using Action = HealthCheck::Action;

// With an interval of 4 s: a ping after 5 s of silence, which has 3 s for its answer.

TEST(HealthCheck, WaitsWhileTheConnectionIsFresh) {
  HealthCheck check(4s, start);
  EXPECT_EQ(check.next_poll(), start + 5s);
  EXPECT_EQ(check.poll(start + 4999ms, start), Action::wait);
}

TEST(HealthCheck, PingsAfterSilence) {
  HealthCheck check(4s, start);
  EXPECT_EQ(check.poll(start + 5s, start), Action::ping);
  EXPECT_EQ(check.next_poll(), start + 8s);
}

TEST(HealthCheck, NeverPingsWhereSomethingArrivesInEachInterval) {
  HealthCheck check(4s, start);
  TimePoint last_read = start;
  for (TimePoint now = start; now < start + 1min; now += 100ms) {
    if (now - last_read >= 4900ms) last_read = now;  // some are late
    ASSERT_EQ(check.poll(now, last_read), Action::wait);
  }
}

TEST(HealthCheck, TrafficPostponesThePing) {
  HealthCheck check(4s, start);
  EXPECT_EQ(check.poll(start + 5s, start + 3s), Action::wait);
  EXPECT_EQ(check.next_poll(), start + 8s);
  EXPECT_EQ(check.poll(start + 8s, start + 3s), Action::ping);
}

TEST(HealthCheck, GivesUpWhenThePingIsNotAnswered) {
  HealthCheck check(4s, start);
  ASSERT_EQ(check.poll(start + 5s, start), Action::ping);
  EXPECT_EQ(check.poll(start + 7999ms, start), Action::wait);
  EXPECT_EQ(check.poll(start + 8s, start), Action::give_up);
}

TEST(HealthCheck, DoesNotPingTwice) {
  HealthCheck check(4s, start);
  ASSERT_EQ(check.poll(start + 5s, start), Action::ping);
  EXPECT_EQ(check.poll(start + 6s, start), Action::wait);
  EXPECT_EQ(check.poll(start + 7s, start), Action::wait);
}

TEST(HealthCheck, AnyByteAfterThePingIsAnAnswer) {
  HealthCheck check(4s, start);
  ASSERT_EQ(check.poll(start + 5s, start), Action::ping);
  EXPECT_EQ(check.poll(start + 10s, start + 5s), Action::ping);  // 5 s silent again
  EXPECT_EQ(check.poll(start + 12s, start + 11s), Action::wait);
  EXPECT_EQ(check.next_poll(), start + 16s);
}

TEST(HealthCheck, BytesFromBeforeThePingAreNoAnswer) {
  HealthCheck check(4s, start);
  ASSERT_EQ(check.poll(start + 6s, start + 1s), Action::ping);
  EXPECT_EQ(check.poll(start + 9s, start + 5s), Action::give_up);
}

TEST(HealthCheck, ALateOlderReadDoesNotTurnTimeBack) {
  HealthCheck check(4s, start);
  EXPECT_EQ(check.poll(start + 4s, start + 4s), Action::wait);
  EXPECT_EQ(check.poll(start + 5s, start), Action::wait);
  EXPECT_EQ(check.next_poll(), start + 9s);
}

TEST(HealthCheck, AProcessThatWasFrozenAsksFirst) {
  HealthCheck check(4s, start);
  EXPECT_EQ(check.poll(start + 1h, start), Action::ping);
  EXPECT_EQ(check.poll(start + 1h + 1s, start + 1h), Action::wait);
}

TEST(HealthCheck, TheShortestIntervalLeavesTimeForAnAnswer) {
  HealthCheck check(1ms, start);
  ASSERT_EQ(check.poll(start + 1250us, start), Action::ping);
  EXPECT_EQ(check.poll(start + 1999us, start), Action::wait);
  EXPECT_EQ(check.poll(start + 2ms, start), Action::give_up);
}

TEST(HealthCheck, NextPollIsNeverInThePastOfAnIdleConnection) {
  HealthCheck check(4s, start);
  TimePoint now = start;
  int pings = 0;
  for (int i = 0; i < 20; ++i) {
    const auto next = check.next_poll();
    ASSERT_GT(next, now);
    now = next;
    const auto action = check.poll(now, now - 2s);
    ASSERT_NE(action, Action::give_up);
    if (action == Action::ping) ++pings;
  }
}

}  // namespace
}  // namespace mesh::redis
