#include <wire/json_number.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>

#ifndef __cpp_lib_to_chars
#include <locale>
#include <sstream>
#endif

#include <wire/json_bytes.hpp>

namespace mesh::wire {

namespace {

template <typename Integer>
std::optional<Integer> to_integer(const JsonNumber& number) {
  if (!number.is_integer) return std::nullopt;
  Integer value = 0;
  const char* const end = number.written.data() + number.written.size();
  const auto result = std::from_chars(number.written.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

/// Of a number that is too large or too small for a double: whether it is large.
bool is_large(std::string_view written) {
  const std::size_t exponent_at = std::min(written.find_first_of("eE"), written.size());
  const std::string_view digits = written.substr(0, exponent_at);
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::size_t first = digits.find_first_of("123456789");
  if (first == std::string_view::npos) return false;
  std::int64_t magnitude = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  if (exponent_at < written.size()) {
    std::string_view text = written.substr(exponent_at + 1);
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int64_t exponent = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (result.ec != std::errc()) return !text.starts_with('-');
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 2;
    magnitude += std::clamp(exponent, -most, most);
  }
  return magnitude > 0;
}

double beyond_double(std::string_view written) {
  const double value = is_large(written) ? std::numeric_limits<double>::infinity() : 0.0;
  return written.starts_with('-') ? -value : value;
}

}  // namespace

std::optional<std::int64_t> to_int64(const JsonNumber& number) {
  return to_integer<std::int64_t>(number);
}

std::optional<std::uint64_t> to_uint64(const JsonNumber& number) {
  return to_integer<std::uint64_t>(number);
}

double to_double(const JsonNumber& number) {
  double value = 0;
#ifdef __cpp_lib_to_chars
  const char* const end = number.written.data() + number.written.size();
  const auto result = std::from_chars(number.written.data(), end, value);
  if (result.ec != std::errc()) return beyond_double(number.written);
#else
  std::istringstream stream{std::string(number.written)};
  stream.imbue(std::locale::classic());
  // Some streams fail for the smallest numbers as well, and give them all the same.
  if (!(stream >> value) && (value == 0 || is_large(number.written))) {
    return beyond_double(number.written);
  }
#endif
  return value;
}

}  // namespace mesh::wire
