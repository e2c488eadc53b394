#pragma once

#include <optional>

#include <async/strand.hpp>

namespace mesh::core {

/// After what has befallen all nodes alike, for how long others may still be on their way back.
/// Time is passed in.
class ReturnWindow {
 public:
  explicit ReturnWindow(Clock::duration length) : length_(length) {}

  void open(TimePoint now) { ends_at_ = now + length_; }
  void close() { ends_at_.reset(); }
  bool is_open(TimePoint now) const { return ends_at_ && now < *ends_at_; }

 private:
  Clock::duration length_;
  std::optional<TimePoint> ends_at_;
};

}  // namespace mesh::core
