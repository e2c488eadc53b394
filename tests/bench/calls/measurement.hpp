#pragma once

#include <chrono>
#include <vector>

#include <nlohmann/json.hpp>

#include <load.hpp>

namespace mesh::bench {

using Clock = std::chrono::steady_clock;

/// One window of time in which calls are made. It ends when the calls begun in it have ended.
class Measurement {
 public:
  explicit Measurement(const Load& load);

  /// Whether another call may begin at `now`.
  bool is_open(Clock::time_point now) const { return now < closes_at_; }

  void add(Clock::time_point begun, Clock::time_point ended) {
    latencies_.push_back(ended - begun);
    last_ended_ = ended;
  }

  /// Number of calls, duration, percentiles of latency, and the CPU time of this process, which
  /// does not contain the evaluation.
  nlohmann::json finish();

 private:
  std::vector<Clock::duration> latencies_;
  std::chrono::nanoseconds cpu_time_at_begin_;
  Clock::time_point begun_;
  Clock::time_point closes_at_;
  Clock::time_point last_ended_;
};

}  // namespace mesh::bench
