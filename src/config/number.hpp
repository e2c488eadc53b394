#pragma once

#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>

namespace mesh::config {

/// The whole text as a decimal number within the range.
inline std::optional<int> parse_number(std::string_view text, int minimum, int maximum) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc{} || result.ptr != end || value < minimum || value > maximum) {
    return std::nullopt;
  }
  return value;
}

// Keeps sums of a time point and a duration far from overflow.
inline constexpr std::chrono::milliseconds longest_duration = std::chrono::hours(24 * 365);

inline constexpr int largest_port = 65535;
inline constexpr int largest_database = 1'000'000;

}  // namespace mesh::config
