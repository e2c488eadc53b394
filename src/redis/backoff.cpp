#include <redis/backoff.hpp>

#include <algorithm>

namespace mesh::redis {

Backoff::Duration Backoff::next(double random, Duration outage) {
  // Of both connections of two nodes, the last one decides when calls flow again.
  constexpr Duration unnoticed{400};
  constexpr int outage_per_delay = 12;
  const Duration bearable = std::max({minimum_ * 2, unnoticed, outage / outage_per_delay});
  const auto spread = static_cast<double>((std::min(ceiling_, bearable) - minimum_).count());
  const Duration delay = minimum_ + Duration(static_cast<Duration::rep>(spread * random));
  ceiling_ = std::min(ceiling_ * 2, maximum_);
  return delay;
}

void Backoff::reset() { ceiling_ = std::min(minimum_ * 2, maximum_); }

}  // namespace mesh::redis
