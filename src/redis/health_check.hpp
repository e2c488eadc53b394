#pragma once

#include <optional>

#include <async/strand.hpp>

namespace mesh::redis {

/// Decides when a silent connection is probed and when it is given up. A connection counts as dead
/// only if a probe went unanswered, so a process that was frozen itself draws no wrong conclusion.
///
/// The probe comes a little later than the interval, so that what arrives once in each interval
/// makes it needless; a dead connection is given up after two intervals all the same.
class HealthCheck {
 public:
  enum class Action { wait, ping, give_up };

  HealthCheck(Clock::duration interval, TimePoint now)
      : silence_(interval * 5 / 4), patience_(2 * interval - silence_), last_read_(now) {}

  /// `last_read` is when bytes last arrived.
  Action poll(TimePoint now, TimePoint last_read);
  /// When to poll next.
  TimePoint next_poll() const;

 private:
  Clock::duration silence_;   // until a probe
  Clock::duration patience_;  // for its answer
  TimePoint last_read_;
  std::optional<TimePoint> pinged_at_;
};

}  // namespace mesh::redis
