#pragma once

#include <optional>

#include <mesh/options.hpp>

#include <util/boot_clock.hpp>

namespace mesh::leader {

/// Decides when to ask for the lock and whether it is certainly held. No I/O; time is passed in.
///
/// The lease counts from the moment the successful attempt was *sent*, minus a margin for clocks
/// that do not run alike, so it ends here before the lock can end in Redis. Suspended machines are
/// the reason for the clock.
class Lease {
 public:
  using TimePoint = BootClock::time_point;
  using Duration = BootClock::duration;
  enum class Attempt { acquire, renew };
  enum class Change { none, won, lost };

  explicit Lease(const LeaderOptions& options) : options_(options) {}

  bool is_held(TimePoint now) const { return ends_at_ && now < *ends_at_; }
  /// When the lease ends unless it is renewed; nothing while it is not held.
  std::optional<TimePoint> ends_at() const { return ends_at_; }

  Attempt next_attempt() const { return ends_at_ ? Attempt::renew : Attempt::acquire; }
  /// The first one is due at once.
  bool is_attempt_due(TimePoint now) const { return !attempt_at_ || now >= *attempt_at_; }
  /// When to look at the lease again.
  TimePoint next_event(TimePoint now) const;
  /// After this an answer to an attempt sent at `sent_at` is of no use.
  TimePoint answer_deadline(TimePoint sent_at) const;

  /// Redis says that the lock is ours. An answer that comes too late counts as a failure.
  Change on_granted(TimePoint sent_at, TimePoint now);
  /// The same in answer to a renewal: it begins no new term, whose fencing token nobody has given.
  Change on_renewed(TimePoint sent_at, TimePoint now);
  /// Redis says that the lock is someone else's, or nobody's in answer to a renewal.
  Change on_refused(TimePoint now);
  /// Redis says that nobody may lead for this long.
  Change on_barred(TimePoint now, Duration wait);
  /// There was no answer, so the lock may be ours or not.
  Change on_failed(TimePoint now);
  /// Someone saw whether another holds the lock. If so, the next attempt is put off, provided that
  /// one was answered since the connection was made: it may have to leave a note that spares a wait
  /// later. If not, it is due at once, unless nobody may lead yet. The answer to an attempt under
  /// way outweighs it.
  void on_seen(TimePoint now, bool is_held_by_another);
  /// Redis is back: it may have lost the lock, so a leader asks at once. Others wait their turn,
  /// which leaves a leader the time to, but no longer than the retry delay.
  void on_reconnected(TimePoint now);
  /// Time has passed.
  Change on_time(TimePoint now);
  /// The lock is given up.
  Change on_resigned();

 private:
  Duration usable() const { return Duration(options_.ttl) * 19 / 20; }
  void note_answer(bool is_barred);
  Change end();

  LeaderOptions options_;
  std::optional<TimePoint> ends_at_;
  std::optional<TimePoint> attempt_at_;
  bool barred_ = false;    // nobody may lead yet, though the lock is free, as of the last answer
  bool must_ask_ = false;  // as no attempt was answered since the connection was made
};

}  // namespace mesh::leader
