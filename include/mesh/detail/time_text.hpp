#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mesh::detail {

/// A time in UTC, without leap seconds.
struct SplitTime {
  std::int64_t seconds = 0;      // since 1970
  std::int64_t nanoseconds = 0;  // beyond them: 0 or more, less than a second

  friend bool operator==(const SplitTime&, const SplitTime&) = default;
};

/// The years 0 to 9999, of which one can write.
inline constexpr std::int64_t first_second = -62167219200;
inline constexpr std::int64_t end_of_seconds = 253402300800;
inline constexpr std::int64_t nanoseconds_of_second = 1'000'000'000;

/// "2026-11-28T04:19:22.123Z", with 6 or 9 digits behind the point where it takes them.
std::string to_time_text(const SplitTime& time);
/// Takes any offset and number of digits. Empty for what is no such text.
std::optional<SplitTime> parse_time_text(std::string_view text);

/// Whether times of this type can be written as they are, and read as they were.
template <typename Duration>
inline constexpr bool has_time_text = std::is_floating_point_v<typename Duration::rep> ||
                                      Duration::period::den == 1 ||
                                      (Duration::period::num == 1 &&
                                       nanoseconds_of_second % Duration::period::den == 0);

/// Empty for what is too early or too late, or no number.
template <typename Duration>
std::optional<SplitTime> split_time(std::chrono::sys_time<Duration> time) {
  const Duration since_epoch = time.time_since_epoch();
  const double rough = std::chrono::duration<double>(since_epoch).count();
  // Now nothing overflows.
  if (!(rough > first_second - 2.0 && rough < end_of_seconds + 2.0)) return std::nullopt;
  const auto seconds = std::chrono::duration_cast<std::chrono::duration<std::int64_t>>(since_epoch);
  // Towards zero first, as the second before it may be out of reach.
  const auto rest = std::chrono::floor<std::chrono::nanoseconds>(since_epoch - seconds).count();
  const bool is_before = rest < 0;
  const SplitTime split{seconds.count() - (is_before ? 1 : 0),
                        rest + (is_before ? nanoseconds_of_second : 0)};
  if (split.seconds < first_second || split.seconds >= end_of_seconds) return std::nullopt;
  return split;
}

/// Times between two ticks belong to the earlier one. Empty for what the type cannot hold.
template <typename Duration>
std::optional<std::chrono::sys_time<Duration>> join_time(const SplitTime& time) {
  using Rep = typename Duration::rep;
  using Period = typename Duration::period;
  if constexpr (std::is_floating_point_v<Rep>) {
    return std::chrono::sys_time<Duration>(
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(time.seconds)) +
        std::chrono::duration_cast<Duration>(
            std::chrono::duration<double, std::nano>(time.nanoseconds)));
  } else {
    std::int64_t ticks = 0;
    if constexpr (Period::den == 1) {
      ticks = time.seconds / Period::num - (time.seconds % Period::num < 0 ? 1 : 0);
    } else {
      // From the nearer to zero of the two seconds around it, as the other one may be out of reach.
      const std::int64_t after = time.nanoseconds * Period::den / nanoseconds_of_second;
      const bool is_negative = time.seconds < 0;
      const std::int64_t whole = is_negative ? time.seconds + 1 : time.seconds;
      const std::int64_t rest = is_negative ? after - Period::den : after;
      using Limits = std::numeric_limits<std::int64_t>;
      if (whole > Limits::max() / Period::den || whole < Limits::min() / Period::den) {
        return std::nullopt;
      }
      ticks = whole * Period::den;
      if (rest > 0 ? ticks > Limits::max() - rest : ticks < Limits::min() - rest) {
        return std::nullopt;
      }
      ticks += rest;
    }
    if (!std::in_range<Rep>(ticks)) return std::nullopt;
    return std::chrono::sys_time<Duration>(Duration(static_cast<Rep>(ticks)));
  }
}

}  // namespace mesh::detail
