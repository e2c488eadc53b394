#include <redis/sentinel_rotation.hpp>

namespace mesh::redis {

std::size_t SentinelRotation::next(double random) {
  if (!next_) next_ = static_cast<std::size_t>(random * static_cast<double>(sentinels_));
  const std::size_t turn = *next_ % sentinels_;
  next_ = turn + 1;
  return turn;
}

bool SentinelRotation::note(const std::optional<Belief>& belief) {
  if (!belief) {
    older_ = 0;
    return false;
  }
  if (newest_ && belief->epoch < newest_->epoch) return is_turn_of_older(*belief);
  older_ = 0;
  if (is_outdated(*belief)) return false;
  if (newest_ && newest_->master != belief->master) replaced_ = newest_->master;
  newest_ = belief;
  return true;
}

// One that replaces the master while it is asked may have given the new one with the old epoch.
bool SentinelRotation::is_outdated(const Belief& belief) const {
  return newest_ && belief.epoch == newest_->epoch && belief.master == replaced_;
}

bool SentinelRotation::is_turn_of_older(const Belief& belief) {
  if (older_ == 0) newest_of_older_.reset();
  ++older_;
  if (!newest_of_older_ || newest_of_older_->epoch < belief.epoch) newest_of_older_ = belief;
  if (older_ < sentinels_) return false;
  older_ = 0;
  replaced_.reset();
  newest_ = newest_of_older_;
  return *newest_ == belief;
}

}  // namespace mesh::redis
