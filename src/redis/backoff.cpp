#include <redis/backoff.hpp>

#include <algorithm>

namespace mesh::redis {

Backoff::Duration Backoff::next(double random) {
  const auto spread = static_cast<double>((ceiling_ - minimum_).count());
  const Duration delay = minimum_ + Duration(static_cast<Duration::rep>(spread * random));
  ceiling_ = std::min(ceiling_ * 2, maximum_);
  return delay;
}

void Backoff::reset() { ceiling_ = std::min(minimum_ * 2, maximum_); }

}  // namespace mesh::redis
