#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

/// The buckets of all histograms. Those of the range between a power of two of nanoseconds and the
/// next are equally wide, and what is below the first of these powers is cut as the range above it.
namespace mesh::introspection {

constexpr std::chrono::nanoseconds longest_latency = std::chrono::hours(1);

constexpr unsigned first_power = 9;  // half a microsecond
constexpr unsigned part_bits = 5;    // 32 buckets for each, so that one is 3.1 % wide at most
constexpr std::size_t parts = std::size_t{1} << part_bits;

constexpr std::chrono::nanoseconds clamp_latency(std::chrono::nanoseconds latency) {
  return std::clamp(latency, std::chrono::nanoseconds::zero(), longest_latency);
}

/// Of a latency that has been clamped, rounded.
constexpr std::chrono::microseconds in_microseconds(std::chrono::nanoseconds latency) {
  return std::chrono::microseconds((latency.count() + 500) / 1000);
}

/// Of a latency that has been clamped.
constexpr std::size_t bucket_of(std::chrono::nanoseconds latency) {
  const auto value = static_cast<std::uint64_t>(latency.count());
  constexpr std::uint64_t first = std::uint64_t{1} << first_power;
  const auto power = static_cast<unsigned>(std::bit_width(value | first)) - 1;
  return (power - first_power) * parts + static_cast<std::size_t>(value >> (power - part_bits));
}

constexpr std::size_t bucket_count = bucket_of(longest_latency) + 1;

/// Where a bucket begins, which is where the one before it ends.
constexpr std::chrono::nanoseconds begin_of_bucket(std::size_t bucket) {
  const std::size_t range = std::max(bucket / parts, std::size_t{1}) - 1;
  const std::size_t part = bucket - range * parts;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(part)
                                  << (range + first_power - part_bits));
}

}  // namespace mesh::introspection
