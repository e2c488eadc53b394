#pragma once

#include <chrono>
#include <ctime>

namespace mesh {

/// A clock that is never set and, unlike `std::chrono::steady_clock` on Linux, goes on while the
/// machine is suspended: for what must be over by then on other machines. Elsewhere it is the
/// steady clock.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept {
#ifdef CLOCK_BOOTTIME
    timespec time{};
    if (clock_gettime(CLOCK_BOOTTIME, &time) == 0) {
      return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
    }
#endif
    return time_point(std::chrono::steady_clock::now().time_since_epoch());
  }
};

}  // namespace mesh
