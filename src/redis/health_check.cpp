#include <redis/health_check.hpp>

#include <algorithm>

namespace mesh::redis {

HealthCheck::Action HealthCheck::poll(TimePoint now, TimePoint last_read) {
  last_read_ = std::max(last_read_, last_read);
  if (pinged_at_ && last_read_ >= *pinged_at_) pinged_at_.reset();
  if (now < next_poll()) return Action::wait;
  if (pinged_at_) return Action::give_up;
  pinged_at_ = now;
  return Action::ping;
}

TimePoint HealthCheck::next_poll() const {
  return pinged_at_ ? *pinged_at_ + patience_ : last_read_ + silence_;
}

}  // namespace mesh::redis
