#include <redis/health_check.hpp>

#include <algorithm>

namespace mesh::redis {

HealthCheck::Action HealthCheck::poll(TimePoint now, TimePoint last_read) {
  last_read_ = std::max(last_read_, last_read);
  if (pinged_at_ && last_read_ >= *pinged_at_) pinged_at_.reset();
  if (pinged_at_) return now - *pinged_at_ >= interval_ ? Action::give_up : Action::wait;
  if (now - last_read_ < interval_) return Action::wait;
  pinged_at_ = now;
  return Action::ping;
}

TimePoint HealthCheck::next_poll() const {
  return (pinged_at_ ? *pinged_at_ : last_read_) + interval_;
}

}  // namespace mesh::redis
