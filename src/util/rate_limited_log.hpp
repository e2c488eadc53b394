#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include <mesh/log.hpp>

namespace mesh {

/// Passes at most one warning per interval on, and says how many it swallowed. Time is passed in.
class RateLimitedLog {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds interval{10};

  explicit RateLimitedLog(LogSink log) : log_(std::move(log)) {}

  void warn(TimePoint now, std::string text) {
    if (has_warned_ && now - last_ < interval) {
      ++suppressed_;
      return;
    }
    if (suppressed_ > 0) text += " (and " + std::to_string(suppressed_) + " more like this)";
    has_warned_ = true;
    suppressed_ = 0;
    last_ = now;
    log_(LogLevel::warning, text);
  }

 private:
  LogSink log_;
  bool has_warned_ = false;
  std::uint64_t suppressed_ = 0;
  TimePoint last_{};
};

}  // namespace mesh
