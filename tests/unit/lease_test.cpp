#include <leader/lease.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

namespace mesh::leader {
namespace {

using namespace std::chrono_literals;
using Attempt = Lease::Attempt;
using Change = Lease::Change;
using TimePoint = Lease::TimePoint;

const TimePoint start = TimePoint() + 1h;

LeaderOptions options() {
  LeaderOptions result;
  result.ttl = 20s;
  result.renewal_interval = 6s;
  result.retry_delay = 4s;
  return result;
}

constexpr auto usable = 19s;  // a twentieth of the time to live is kept as a margin

Lease won_at(TimePoint time) {
  Lease lease(options());
  EXPECT_EQ(lease.on_granted(time, time), Change::won);
  return lease;
}

TEST(Lease, AtFirstItIsNotHeldAndWantsToBeAcquiredAtOnce) {
  const Lease lease(options());
  EXPECT_FALSE(lease.is_held(start));
  EXPECT_EQ(lease.ends_at(), std::nullopt);
  EXPECT_EQ(lease.next_attempt(), Attempt::acquire);
  EXPECT_TRUE(lease.is_attempt_due(start));
  EXPECT_EQ(lease.next_event(start), start);
}

TEST(Lease, IsWonForItsTimeFromTheMomentOfSending) {
  Lease lease(options());
  EXPECT_EQ(lease.on_granted(start, start + 3s), Change::won);
  EXPECT_TRUE(lease.is_held(start + 3s));
  EXPECT_EQ(lease.ends_at(), start + usable);
  EXPECT_TRUE(lease.is_held(start + usable - 1ns));
  EXPECT_FALSE(lease.is_held(start + usable));
}

TEST(Lease, EndsBeforeTheLockCanEndInRedis) {
  for (const auto ttl : {2ms, 10ms, 100ms, 30000ms, 3600000ms}) {
    LeaderOptions some = options();
    some.ttl = ttl;
    some.renewal_interval = std::max(1ms, ttl / 3);
    Lease lease(some);
    lease.on_granted(start, start);
    ASSERT_TRUE(lease.ends_at());
    EXPECT_LT(*lease.ends_at(), start + ttl);
    EXPECT_GE(*lease.ends_at(), start + ttl * 9 / 10);
  }
}

TEST(Lease, AGrantThatComesTooLateIsAFailure) {
  Lease lease(options());
  EXPECT_EQ(lease.on_granted(start, start + usable), Change::none);
  EXPECT_FALSE(lease.is_held(start + usable));
  EXPECT_EQ(lease.next_attempt(), Attempt::acquire);
}

TEST(Lease, AskingTheHolderForTimeBeforeTheNextRenewalDoesNothing) {
  Lease lease = won_at(start);
  EXPECT_EQ(lease.on_time(start + 5s), Change::none);
  EXPECT_FALSE(lease.is_attempt_due(start + 5s));
  EXPECT_EQ(lease.next_event(start + 5s), start + 6s);
}

TEST(Lease, IsRenewedAtItsInterval) {
  Lease lease = won_at(start);
  EXPECT_TRUE(lease.is_attempt_due(start + 6s));
  EXPECT_EQ(lease.next_attempt(), Attempt::renew);
  EXPECT_EQ(lease.on_granted(start + 6s, start + 7s), Change::none);
  EXPECT_EQ(lease.ends_at(), start + 6s + usable);
  EXPECT_EQ(lease.next_event(start + 7s), start + 12s);
}

TEST(Lease, ALateRenewalIntervalStillLeavesTimeForIt) {
  LeaderOptions some = options();
  some.renewal_interval = some.ttl - 1ms;
  Lease lease(some);
  lease.on_granted(start, start);
  EXPECT_LT(lease.next_event(start), *lease.ends_at());
}

TEST(Lease, AFailedRenewalKeepsItUntilItRunsOut) {
  Lease lease = won_at(start);
  EXPECT_EQ(lease.on_failed(start + 8s), Change::none);
  EXPECT_TRUE(lease.is_held(start + 18s));
  EXPECT_EQ(lease.next_attempt(), Attempt::renew);
  EXPECT_EQ(lease.next_event(start + 8s), start + 9500ms);  // a leader tries again soon
  EXPECT_EQ(lease.on_time(start + usable), Change::lost);
  EXPECT_EQ(lease.next_attempt(), Attempt::acquire);
}

TEST(Lease, IsLostOnce) {
  Lease lease = won_at(start);
  EXPECT_EQ(lease.on_time(start + 1h), Change::lost);
  EXPECT_EQ(lease.on_time(start + 2h), Change::none);
  EXPECT_EQ(lease.on_failed(start + 2h), Change::none);
  EXPECT_EQ(lease.on_refused(start + 2h), Change::none);
  EXPECT_EQ(lease.on_resigned(), Change::none);
}

TEST(Lease, IsAskedForAtOnceAfterItRanOut) {
  Lease lease = won_at(start);
  lease.on_time(start + usable);
  EXPECT_TRUE(lease.is_attempt_due(start + usable));
}

TEST(Lease, WhereNobodyMayLeadYetItIsAskedForWhenSomebodyMay) {
  Lease lease(options());
  EXPECT_EQ(lease.on_barred(start, 1s), Change::none);
  EXPECT_FALSE(lease.is_attempt_due(start + 999ms));
  EXPECT_TRUE(lease.is_attempt_due(start + 1s));
}

TEST(Lease, WhereNobodyMayLeadForLongItIsAskedForAtItsInterval) {
  Lease lease(options());
  EXPECT_EQ(lease.on_barred(start, 15s), Change::none);
  EXPECT_TRUE(lease.is_attempt_due(start + 4s));
}

TEST(Lease, ARefusedRenewalLosesItAtOnce) {
  Lease lease = won_at(start);
  EXPECT_EQ(lease.on_refused(start + 6s), Change::lost);
  EXPECT_FALSE(lease.is_held(start + 6s));
  EXPECT_EQ(lease.next_attempt(), Attempt::acquire);
  EXPECT_FALSE(lease.is_attempt_due(start + 9s));
  EXPECT_TRUE(lease.is_attempt_due(start + 10s));
}

TEST(Lease, ARefusedFollowerTriesAgainAfterTheRetryDelay) {
  Lease lease(options());
  EXPECT_EQ(lease.on_refused(start), Change::none);
  EXPECT_EQ(lease.next_event(start), start + 4s);
  EXPECT_FALSE(lease.is_attempt_due(start + 4s - 1ns));
  EXPECT_TRUE(lease.is_attempt_due(start + 4s));
}

TEST(Lease, AFailedFollowerTriesAgainAfterTheRetryDelay) {
  Lease lease(options());
  EXPECT_EQ(lease.on_failed(start), Change::none);
  EXPECT_EQ(lease.next_event(start), start + 4s);
}

TEST(Lease, IsNotAskedForWhileAnotherIsSeenToHoldIt) {
  Lease lease(options());
  EXPECT_EQ(lease.on_refused(start), Change::none);
  for (TimePoint now = start; now < start + 1min; now += 4s) {
    EXPECT_FALSE(lease.is_attempt_due(now));
    lease.on_seen(now, true);
    EXPECT_EQ(lease.next_event(now), now + 6s);
  }
}

TEST(Lease, IsAskedForWhenNobodyLooksAnyMore) {
  Lease lease(options());
  lease.on_seen(start, true);
  EXPECT_FALSE(lease.is_attempt_due(start + 6s - 1ns));
  EXPECT_TRUE(lease.is_attempt_due(start + 6s));
}

TEST(Lease, OnANewConnectionItIsAskedForOnceThoughAnotherIsSeenToHoldIt) {
  Lease lease(options());
  lease.on_refused(start);
  lease.on_seen(start, true);
  lease.on_reconnected(start + 1s);
  for (TimePoint now = start + 1s; now < start + 5s; now += 500ms) {
    EXPECT_FALSE(lease.is_attempt_due(now));  // which leaves a leader the time to renew
    lease.on_seen(now, true);
  }
  EXPECT_TRUE(lease.is_attempt_due(start + 5s));
  lease.on_failed(start + 5s);
  lease.on_seen(start + 6s, true);
  EXPECT_TRUE(lease.is_attempt_due(start + 9s));
  lease.on_refused(start + 9s);
  lease.on_seen(start + 10s, true);
  EXPECT_FALSE(lease.is_attempt_due(start + 16s - 1ns));
}

TEST(Lease, IsAskedForAtOnceWhenItIsSeenToBeFree) {
  Lease lease(options());
  lease.on_seen(start, true);
  lease.on_seen(start + 1s, false);
  EXPECT_TRUE(lease.is_attempt_due(start + 1s));
  EXPECT_EQ(lease.next_attempt(), Attempt::acquire);
}

TEST(Lease, WhereNobodyMayLeadYetAFreeLockIsNotAskedForSooner) {
  Lease lease(options());
  lease.on_barred(start, 3s);
  lease.on_seen(start + 1s, false);
  EXPECT_FALSE(lease.is_attempt_due(start + 3s - 1ns));
  EXPECT_TRUE(lease.is_attempt_due(start + 3s));
}

TEST(Lease, WhereNobodyMightLeadAFreeLockIsAskedForOnceSomebodyHasLed) {
  Lease lease(options());
  lease.on_barred(start, 3s);
  lease.on_seen(start + 1s, true);
  lease.on_seen(start + 2s, false);
  EXPECT_TRUE(lease.is_attempt_due(start + 2s));

  lease.on_barred(start + 2s, 3s);
  lease.on_refused(start + 5s);
  lease.on_seen(start + 6s, false);
  EXPECT_TRUE(lease.is_attempt_due(start + 6s));
}

TEST(Lease, TheAnswerToAnAttemptOutweighsWhatWasSeenMeanwhile) {
  for (const bool is_held_by_another : {true, false}) {
    Lease lease(options());
    const auto see = [&] { lease.on_seen(start, is_held_by_another); };
    see();
    lease.on_refused(start);
    EXPECT_EQ(lease.next_event(start), start + 4s);
    see();
    lease.on_failed(start);
    EXPECT_EQ(lease.next_event(start), start + 4s);
    see();
    lease.on_barred(start, 3s);
    EXPECT_EQ(lease.next_event(start), start + 3s);
    see();
    lease.on_granted(start, start);
    EXPECT_EQ(lease.next_event(start), start + 6s);
  }
}

TEST(Lease, ALeaderDoesNotMindWhatIsSeen) {
  Lease lease = won_at(start);
  for (const bool is_held_by_another : {true, false}) {
    lease.on_seen(start + 1s, is_held_by_another);
    EXPECT_TRUE(lease.is_held(start + 1s));
    EXPECT_EQ(lease.next_event(start + 1s), start + 6s);
  }
}

TEST(Lease, ALeaderAsksAtOnceWhenRedisIsBack) {
  Lease lease = won_at(start);
  EXPECT_FALSE(lease.is_attempt_due(start + 1s));
  lease.on_reconnected(start + 1s);
  EXPECT_TRUE(lease.is_attempt_due(start + 1s));
  EXPECT_EQ(lease.next_attempt(), Attempt::renew);
  EXPECT_TRUE(lease.is_held(start + 1s));
}

TEST(Lease, AFollowerWaitsItsTurnWhenRedisIsBack) {
  Lease lease(options());
  EXPECT_EQ(lease.on_refused(start), Change::none);
  lease.on_reconnected(start + 1s);
  EXPECT_FALSE(lease.is_attempt_due(start + 1s));
  EXPECT_TRUE(lease.is_attempt_due(start + 4s));
}

TEST(Lease, ARenewalWhoseAnswerComesAfterTheEndIsLostFirstAndWonLater) {
  Lease lease = won_at(start);
  EXPECT_EQ(lease.on_granted(start + 18s, start + 20s), Change::lost);
  EXPECT_FALSE(lease.is_held(start + 20s));
  EXPECT_TRUE(lease.is_attempt_due(start + 20s));
  EXPECT_EQ(lease.on_granted(start + 20s, start + 21s), Change::won);
}

TEST(Lease, ARenewalDoesNotBringBackWhatWasLostMeanwhile) {
  Lease lease = won_at(start);
  EXPECT_EQ(lease.on_renewed(start + 6s, start + 6s), Change::none);
  EXPECT_EQ(lease.on_refused(start + 13s), Change::lost);  // as the clean-up saw
  EXPECT_EQ(lease.on_renewed(start + 12s, start + 14s), Change::none);
  EXPECT_FALSE(lease.is_held(start + 14s));
  EXPECT_EQ(lease.next_attempt(), Attempt::acquire);
}

TEST(Lease, ResigningLosesIt) {
  Lease lease = won_at(start);
  EXPECT_EQ(lease.on_resigned(), Change::lost);
  EXPECT_FALSE(lease.is_held(start));
}

TEST(Lease, AnAnswerIsOfUseUntilTheLeaseEnds) {
  Lease lease(options());
  EXPECT_EQ(lease.answer_deadline(start), start + usable);
  lease.on_granted(start, start);
  EXPECT_EQ(lease.answer_deadline(start + 6s), start + usable);
}

/// The lock as Redis keeps it.
struct Lock {
  std::optional<std::size_t> holder;
  TimePoint expires_at;

  bool acquire(std::size_t candidate, TimePoint now, Lease::Duration ttl) {
    if (holder && now < expires_at && *holder != candidate) return false;
    holder = candidate;
    expires_at = now + ttl;
    return true;
  }
  bool renew(std::size_t candidate, TimePoint now, Lease::Duration ttl) {
    if (holder != candidate || now >= expires_at) return false;
    expires_at = now + ttl;
    return true;
  }
};

/// A process with a lease whose messages travel for a while, and which freezes now and then.
struct Candidate {
  explicit Candidate(const LeaderOptions& options) : lease(options) {}

  struct Message {
    Attempt attempt;
    TimePoint sent_at;
    TimePoint reaches_redis;
    TimePoint returns;  // never, if lost
    bool answered = false;
    bool granted = false;
  };

  Lease lease;
  std::optional<Message> message;
  TimePoint frozen_until;
};

/// Invariant: `is_held()` is true for at most one candidate at any time, and never while the lock
/// is someone else's, whatever happens to messages and processes.
TEST(Lease, NeverTwoHoldersInARandomWorld) {
  std::mt19937 random(20240501);
  const auto chance = [&](int percent) { return static_cast<int>(random() % 100) < percent; };
  const auto up_to = [&](std::chrono::milliseconds limit) {
    return std::chrono::milliseconds(random() % static_cast<unsigned>(limit.count()));
  };
  int wins = 0;
  int losses = 0;
  for (int world = 0; world < 40; ++world) {
    LeaderOptions some = options();
    some.ttl = 200ms;
    some.renewal_interval = 60ms;
    some.retry_delay = 40ms;
    Lock lock;
    std::vector<Candidate> candidates(3, Candidate(some));
    const auto note = [&](Change change) {
      wins += change == Change::won ? 1 : 0;
      losses += change == Change::lost ? 1 : 0;
    };
    for (TimePoint now = start; now < start + 10s; now += 1ms) {
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        Candidate& self = candidates[i];
        // Redis does not wait for frozen processes.
        if (self.message && !self.message->answered && now >= self.message->reaches_redis) {
          self.message->answered = true;
          self.message->granted = self.message->attempt == Attempt::acquire
                                      ? lock.acquire(i, now, some.ttl)
                                      : lock.renew(i, now, some.ttl);
        }
        if (chance(1) && chance(5)) self.frozen_until = now + up_to(500ms);
        if (now < self.frozen_until) continue;
        note(self.lease.on_time(now));
        if (self.message && now >= self.message->returns) {
          const auto message = *self.message;
          self.message.reset();
          note(message.granted ? self.lease.on_granted(message.sent_at, now)
                               : self.lease.on_refused(now));
        } else if (self.message && now >= self.lease.answer_deadline(self.message->sent_at)) {
          self.message.reset();
          note(self.lease.on_failed(now));
        }
        if (!self.message && self.lease.is_attempt_due(now)) {
          const auto there = now + up_to(20ms);
          const auto back = chance(10) ? now + 1h : there + up_to(20ms);
          self.message =
              Candidate::Message{self.lease.next_attempt(), now, there, back, false, false};
        }
      }
      std::size_t holders = 0;
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (!candidates[i].lease.is_held(now)) continue;
        ++holders;
        ASSERT_EQ(lock.holder, i) << "world " << world;
        ASSERT_LT(now, lock.expires_at) << "world " << world;
      }
      ASSERT_LE(holders, 1U) << "world " << world;
    }
  }
  EXPECT_GT(wins, 100);  // the world is not so harsh that nothing happens
  EXPECT_GT(losses, 50);
}

}  // namespace
}  // namespace mesh::leader
