#pragma once

#include <chrono>
#include <cstddef>

#include <async/strand.hpp>

namespace mesh::redis {

/// When a node asks which Sentinel whether its master is still the master: one at a time, in turn,
/// after an interval and up to half of another, so that the nodes of a fleet that connected at the
/// same moment do not ask at the same moment. Time is passed in; `random` is a number in [0, 1).
class SentinelTurns {
 public:
  explicit SentinelTurns(Clock::duration interval) : interval_(interval) {}

  TimePoint due() const { return due_; }
  /// Puts the next question off, as the answer is known for now.
  void put_off(TimePoint now, double random) {
    const std::chrono::duration<double> extra = interval_ * (random / 2);
    due_ = now + interval_ + std::chrono::duration_cast<Clock::duration>(extra);
  }
  /// The index of the one to ask now, of so many.
  std::size_t take(TimePoint now, double random, std::size_t sentinels) {
    // The first one is drawn as well.
    const auto drawn = static_cast<std::size_t>(random * static_cast<double>(sentinels));
    next_ = is_first_ ? drawn : next_ + 1;
    is_first_ = false;
    put_off(now, random);
    return next_ % sentinels;
  }

 private:
  Clock::duration interval_;
  TimePoint due_{};
  std::size_t next_ = 0;
  bool is_first_ = true;
};

}  // namespace mesh::redis
