#pragma once

#include <chrono>

#include <async/strand.hpp>

namespace mesh::redis {

/// When a node asks the Sentinels whether its master is still the master: after an interval, less
/// up to a third of it, so that the nodes of a fleet that connected at the same moment do not ask
/// at the same moment. Time is passed in; `random` is a number in [0, 1).
class SentinelPace {
 public:
  explicit SentinelPace(Clock::duration interval) : interval_(interval) {}

  TimePoint due() const { return due_; }
  /// They are asked now, or the answer is known for now.
  void note_answer(TimePoint now, double random) {
    const std::chrono::duration<double> less = interval_ * (random / 3);
    due_ = now + interval_ - std::chrono::duration_cast<Clock::duration>(less);
  }

 private:
  Clock::duration interval_;
  TimePoint due_{};
};

}  // namespace mesh::redis
