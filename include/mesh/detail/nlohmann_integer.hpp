#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>

#include <nlohmann/json.hpp>

#include <mesh/detail/nlohmann_numbers.hpp>

namespace mesh::detail {

/// The integer that a number is, if this type can hold it. nlohmann_json would cut off what does
/// not fit.
template <std::integral Integer>
std::optional<Integer> exact_integer(const Json& number) {
  using Limits = std::numeric_limits<Integer>;
  const auto positive = [](std::uint64_t value) -> std::optional<Integer> {
    if (value > static_cast<std::uint64_t>(Limits::max())) return std::nullopt;
    return static_cast<Integer>(value);
  };
  const auto either = [&](std::int64_t value) -> std::optional<Integer> {
    if (value >= 0) return positive(static_cast<std::uint64_t>(value));
    if (value < static_cast<std::int64_t>(Limits::min())) return std::nullopt;
    return static_cast<Integer>(value);
  };
  if (number.is_number_unsigned()) return positive(number.get<std::uint64_t>());
  if (number.is_number_integer()) return either(number.get<std::int64_t>());
  if (!number.is_number_float()) return std::nullopt;
  const auto value = number.get<double>();
  if (!fits_int64(value) || std::trunc(value) != value) return std::nullopt;
  return either(static_cast<std::int64_t>(value));
}

}  // namespace mesh::detail
