#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include <async/strand.hpp>

namespace mesh::redis {

/// When a node asks whether what it knows is still true, such as which server is the master: after
/// an interval, less up to a third of it, so that the nodes of a fleet that connected at the same
/// moment do not ask at the same moment. Time is passed in; `random` is a number in [0, 1).
class InquiryPace {
 public:
  explicit InquiryPace(Clock::duration interval) : interval_(interval) {}

  TimePoint due() const { return due_; }
  /// It is asked now, or the answer is known for now.
  void note_asked(TimePoint now, double random) { due_ = next(now, random); }

  /// The longest interval while this node leads; nothing while it does not.
  const std::optional<Clock::duration>& limit() const { return limit_; }
  void set_limit(std::optional<Clock::duration> limit, TimePoint now, double random) {
    limit_ = limit;
    due_ = std::min(due_, next(now, random));
  }

 private:
  TimePoint next(TimePoint now, double random) const {
    const Clock::duration interval = std::min(interval_, limit_.value_or(interval_));
    const std::chrono::duration<double> less = interval * (random / 3);
    return now + interval - std::chrono::duration_cast<Clock::duration>(less);
  }

  Clock::duration interval_;
  std::optional<Clock::duration> limit_;
  TimePoint due_{};
};

}  // namespace mesh::redis
