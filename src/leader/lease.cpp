#include <leader/lease.hpp>

#include <algorithm>

namespace mesh::leader {

Lease::TimePoint Lease::next_event(TimePoint now) const {
  const TimePoint attempt = attempt_at_.value_or(now);
  return ends_at_ ? std::min(attempt, *ends_at_) : attempt;
}

Lease::TimePoint Lease::answer_deadline(TimePoint sent_at) const {
  return ends_at_ ? *ends_at_ : sent_at + usable();
}

Lease::Change Lease::on_granted(TimePoint sent_at, TimePoint now) {
  note_answer(false);
  // A lease that ran out before the answer came is lost first, and won with the next attempt.
  if (on_time(now) == Change::lost) return Change::lost;
  const TimePoint end_of_lease = sent_at + usable();
  if (now >= end_of_lease) return on_failed(now);
  const bool was_held = ends_at_.has_value();
  ends_at_ = end_of_lease;
  attempt_at_ = sent_at + std::min<Duration>(options_.renewal_interval, usable() * 3 / 4);
  return was_held ? Change::none : Change::won;
}

Lease::Change Lease::on_renewed(TimePoint sent_at, TimePoint now) {
  return ends_at_ ? on_granted(sent_at, now) : on_failed(now);
}

Lease::Change Lease::on_refused(TimePoint now) {
  note_answer(false);
  attempt_at_ = now + options_.retry_delay;
  return end();
}

Lease::Change Lease::on_barred(TimePoint now, Duration wait) {
  note_answer(true);
  attempt_at_ = now + std::min<Duration>(wait, options_.retry_delay);
  return end();
}

Lease::Change Lease::on_failed(TimePoint now) {
  must_ask_ = true;
  // A leader has no time to lose; a follower has.
  const Duration retry_of_leader = Duration(options_.renewal_interval) / 4;
  const Duration retry_of_follower = options_.retry_delay;
  attempt_at_ = now + (is_held(now) ? retry_of_leader : retry_of_follower);
  return on_time(now);
}

void Lease::on_seen(TimePoint now, bool is_held_by_another) {
  if (ends_at_) return;
  if (is_held_by_another) {
    barred_ = false;
    if (!must_ask_) attempt_at_ = now + Duration(options_.retry_delay) * 3 / 2;
  } else if (!barred_) {
    attempt_at_ = now;
  }
}

void Lease::on_reconnected(TimePoint now) {
  must_ask_ = true;
  const TimePoint latest = ends_at_ ? now : now + options_.retry_delay;
  if (attempt_at_) attempt_at_ = std::min(*attempt_at_, latest);
}

Lease::Change Lease::on_time(TimePoint now) {
  if (!ends_at_ || is_held(now)) return Change::none;
  attempt_at_ = now;
  return end();
}

Lease::Change Lease::on_resigned() { return end(); }

void Lease::note_answer(bool is_barred) {
  barred_ = is_barred;
  must_ask_ = false;
}

Lease::Change Lease::end() {
  const bool was_held = ends_at_.has_value();
  ends_at_.reset();
  return was_held ? Change::lost : Change::none;
}

}  // namespace mesh::leader
