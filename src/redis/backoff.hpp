#pragma once

#include <chrono>

namespace mesh::redis {

/// Exponential back-off with full jitter above a floor: each delay is drawn between `minimum` and
/// a ceiling that begins at twice that, so that not even the first attempts of many nodes coincide,
/// and doubles up to `maximum`. As long as the outage is short, the ceiling is low, so that nobody
/// waits long after its end. `random` is a number in [0, 1).
class Backoff {
 public:
  using Duration = std::chrono::milliseconds;

  Backoff(Duration minimum, Duration maximum) : minimum_(minimum), maximum_(maximum) { reset(); }

  Duration next(double random, Duration outage = Duration::max());
  void reset();

 private:
  Duration minimum_;
  Duration maximum_;
  Duration ceiling_{};
};

}  // namespace mesh::redis
