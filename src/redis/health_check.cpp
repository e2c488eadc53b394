#include <redis/health_check.hpp>

#include <algorithm>

namespace mesh::redis {

HealthCheck::Action HealthCheck::poll(TimePoint now, TimePoint last_read, Outgoing outgoing) {
  last_read_ = std::max(last_read_, last_read);
  if (pinged_at_ && last_read_ >= *pinged_at_) pinged_at_.reset();
  if (pinged_at_) {
    note_progress(now, outgoing);
    return now < patient_since_ + patience_ ? Action::wait : Action::give_up;
  }
  if (now < next_poll()) return Action::wait;
  pinged_at_ = patient_since_ = last_look_ = now;
  received_ = outgoing.received;
  received_with_it_ = outgoing.received + outgoing.waiting;
  return Action::ping;
}

// It may have been made right after the last look, so that is what counts: otherwise a peer that
// confirms the probe and then stands still would gain time.
void HealthCheck::note_progress(TimePoint now, Outgoing outgoing) {
  if (!has_probe_left() && outgoing.received > received_) patient_since_ = last_look_;
  received_ = std::max(received_, outgoing.received);
  last_look_ = now;
}

TimePoint HealthCheck::next_poll() const {
  constexpr int looks = 4;
  if (!pinged_at_) return last_read_ + silence_;
  if (has_probe_left()) return patient_since_ + patience_;
  return std::min(last_look_ + patience_ / looks, patient_since_ + patience_);
}

}  // namespace mesh::redis
