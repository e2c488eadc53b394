#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <mesh/codec.hpp>
#include <mesh/detail/nlohmann_document.hpp>

// nlohmann_json makes an integer of a float by a cast, which is undefined where no integer can hold
// it. Any sender could cause that.

namespace mesh::detail {

inline constexpr double first_beyond_int64 = 9223372036854775808.0;

inline bool fits_int64(double number) {
  return number >= -first_beyond_int64 && number < first_beyond_int64;
}

inline bool is_large_integer(double number) {
  return is_large_float(number) && fits_int64(number) && std::trunc(number) == number;
}

inline bool is_large_fraction(double number) {
  return is_large_float(number) && !is_large_integer(number);
}

/// Puts what `replace` makes of them in place of those floats.
template <typename Predicate, typename Replace>
void replace_floats(Json& value, Predicate predicate, Replace replace) {
  if (value.is_structured()) {
    for (Json& member : value) replace_floats(member, predicate, replace);
  } else if (value.is_number_float() && predicate(value.get<double>())) {
    value = replace(value.get<double>());
  }
}

/// Makes integers of those floats, whatever it takes.
template <typename Predicate>
void make_integers(Json& value, Predicate predicate) {
  using Limits = std::numeric_limits<std::int64_t>;
  replace_floats(value, predicate, [](double number) {
    const std::int64_t nearest = number < 0 ? Limits::min() : Limits::max();
    return fits_int64(number) ? static_cast<std::int64_t>(number) : nearest;
  });
}

inline bool has_large_fraction(const Json& value) {
  if (!value.is_structured()) {
    return value.is_number_float() && is_large_fraction(value.get<double>());
  }
  return std::any_of(value.begin(), value.end(),
                     [](const Json& member) { return has_large_fraction(member); });
}

class LostFraction : public CodecError {
 public:
  using CodecError::CodecError;
};

/// Where `decoded` has an integer in place of a number that is none.
inline std::optional<CodecError> find_lost_fraction(const Json& value, const Json& decoded) {
  if (!value.is_structured()) {
    if (!has_large_fraction(value) || !decoded.is_number_integer()) return std::nullopt;
    return CodecError({}, "an integer cannot hold " + value.dump());
  }
  if (value.type() != decoded.type()) return std::nullopt;
  std::size_t index = 0;
  for (auto member = value.begin(); member != value.end(); ++member, ++index) {
    const bool is_object = value.is_object();
    if (is_object ? !decoded.contains(member.key()) : index >= decoded.size()) continue;
    const Json& counterpart = is_object ? decoded.at(member.key()) : decoded.at(index);
    if (const auto lost = find_lost_fraction(*member, counterpart)) {
      return lost->inside(is_object ? member.key() : std::to_string(index));
    }
  }
  return std::nullopt;
}

/// Takes back what is no loss since the type takes either, as a variant can: there a fraction
/// survives.
template <typename Reencode>
std::optional<CodecError> confirm_loss(const CodecError& lost, const Json& document,
                                       Reencode reencode) {
  Json harmless = document;
  replace_floats(harmless, is_large_fraction, [](double) { return 0.5; });
  try {
    return find_lost_fraction(document, reencode(harmless));
  } catch (const std::exception&) {
    return lost;
  }
}

/// Whole numbers become integers. For the others, throws `CodecError` if one is meant for an
/// integer, which is seen from what `reencode`, decoding and encoding, makes of an integer in its
/// place.
template <typename Reencode>
void tame_large_floats(Json& document, Reencode reencode) {
  make_integers(document, is_large_integer);
  if (!has_large_fraction(document)) return;
  Json harmless = document;
  make_integers(harmless, is_large_fraction);
  auto lost = find_lost_fraction(document, reencode(harmless));
  if (lost) lost = confirm_loss(*lost, document, reencode);
  if (lost) throw LostFraction(lost->path(), lost->cause());
}

}  // namespace mesh::detail
