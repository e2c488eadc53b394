#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <async/strand.hpp>
#include <redis/outgoing.hpp>

namespace mesh::redis {

/// Decides when a silent connection is probed and when it is given up. A connection counts as dead
/// only if a probe went unanswered, so a process that was frozen itself draws no wrong conclusion.
///
/// The probe comes a little later than the interval, so that what arrives once in each interval
/// makes it needless, and not at the same time on all connections that fell silent at the same
/// time; a dead connection is given up after two intervals all the same.
///
/// On a slow line the probe stands behind what was sent before it. As long as that leaves, the line
/// is alive. What is sent after the probe counts nothing: the system of a peer that stands still
/// takes that, too.
class HealthCheck {
 public:
  enum class Action { wait, ping, give_up };

  /// `delay`, from 0 to 1, says where in its range the probe comes.
  HealthCheck(Clock::duration interval, TimePoint now, double delay = 0)
      : silence_(interval * 5 / 4 + to_duration(delay * (interval / 8))),
        patience_(2 * interval - silence_),
        last_read_(now) {}

  /// `last_read` is when bytes last arrived.
  Action poll(TimePoint now, TimePoint last_read, Outgoing outgoing = {});
  /// When to poll next.
  TimePoint next_poll() const;

 private:
  static Clock::duration to_duration(std::chrono::duration<double, Clock::period> time) {
    return std::chrono::duration_cast<Clock::duration>(time);
  }
  bool has_probe_left() const { return received_ >= received_with_it_; }
  void note_progress(TimePoint now, Outgoing outgoing);

  Clock::duration silence_;   // until a probe
  Clock::duration patience_;  // for its answer
  TimePoint last_read_;
  std::optional<TimePoint> pinged_at_;
  TimePoint patient_since_{};           // the probe, or the last progress of what stands before it
  TimePoint last_look_{};               // at what leaves, since the probe
  std::uint64_t received_ = 0;          // as of then
  std::uint64_t received_with_it_ = 0;  // once the probe has left
};

}  // namespace mesh::redis
