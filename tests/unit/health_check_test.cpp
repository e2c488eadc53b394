#include <redis/health_check.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

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

TEST(HealthCheck, ThePingMayComeLaterAndTheEndDoesNot) {
  HealthCheck check(4s, start, 1);
  EXPECT_EQ(check.poll(start + 5s, start), Action::wait);
  EXPECT_EQ(check.next_poll(), start + 5500ms);
  EXPECT_EQ(check.poll(start + 5500ms, start), Action::ping);
  EXPECT_EQ(check.next_poll(), start + 8s);
  EXPECT_EQ(check.poll(start + 8s, start), Action::give_up);
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

// A probe that stands behind others --------------------------------------------------------------

/// Polls when it is time to, until that is not all there is to do.
struct Outcome {
  Action action;
  TimePoint at;
};

template <typename OutgoingAt>
Outcome poll_on(HealthCheck& check, TimePoint last_read, OutgoingAt outgoing_at) {
  for (;;) {
    const TimePoint now = check.next_poll();
    const Action action = check.poll(now, last_read, outgoing_at(now));
    if (action != Action::wait || now > start + 1h) return {action, now};
  }
}

/// 1,000 bytes a second of so many leave, from the start on.
auto slow_line(std::uint64_t bytes, std::chrono::seconds stops_after = 1h) {
  return [=](TimePoint now) {
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::min<Clock::duration>(now - start, stops_after));
    const auto left = std::min(bytes, static_cast<std::uint64_t>(time.count()));
    return Outgoing{left, bytes - left};
  };
}

TEST(HealthCheck, IsPatientWhileWhatStandsBeforeThePingLeaves) {
  HealthCheck check(4s, start);
  const auto line = slow_line(60'000);
  ASSERT_EQ(check.poll(start + 5s, start, line(start + 5s)), Action::ping);
  const Outcome end = poll_on(check, start, line);
  EXPECT_EQ(end.action, Action::give_up);
  EXPECT_GT(end.at, start + 62s);
  EXPECT_LE(end.at, start + 64s);
}

TEST(HealthCheck, AnAnswerAfterASlowMessageEndsThePatience) {
  HealthCheck check(4s, start);
  const auto line = slow_line(60'000);
  ASSERT_EQ(check.poll(start + 5s, start, line(start + 5s)), Action::ping);
  for (TimePoint now = start + 5s; now < start + 61s; now += 500ms) {
    ASSERT_EQ(check.poll(now, start, line(now)), Action::wait);
  }
  EXPECT_EQ(check.poll(start + 62s, start + 61s, line(start + 62s)), Action::wait);
  EXPECT_EQ(check.next_poll(), start + 66s);
}

TEST(HealthCheck, GivesUpASlowLineThatBreaks) {
  HealthCheck check(4s, start);
  const auto line = slow_line(60'000, 20s);
  ASSERT_EQ(check.poll(start + 5s, start, line(start + 5s)), Action::ping);
  const Outcome end = poll_on(check, start, line);
  EXPECT_EQ(end.action, Action::give_up);
  EXPECT_LE(end.at, start + 23s);
}

TEST(HealthCheck, APeerThatConfirmsThePingAndStandsStillGainsNothing) {
  HealthCheck check(4s, start);
  ASSERT_EQ(check.poll(start + 5s, start, Outgoing{1000, 0}), Action::ping);
  const Outcome end = poll_on(check, start, [](TimePoint) { return Outgoing{1014, 0}; });
  EXPECT_EQ(end.action, Action::give_up);
  EXPECT_EQ(end.at, start + 8s);
}

TEST(HealthCheck, WhatIsSentAfterThePingIsNoSignOfLife) {
  HealthCheck check(4s, start);
  ASSERT_EQ(check.poll(start + 5s, start, Outgoing{1000, 500}), Action::ping);
  const Outcome end = poll_on(check, start, [](TimePoint now) {
    return Outgoing{2000 + static_cast<std::uint64_t>((now - start) / 1ms), 500};
  });
  EXPECT_EQ(end.action, Action::give_up);
  EXPECT_EQ(end.at, start + 8s);
}

}  // namespace
}  // namespace mesh::redis
