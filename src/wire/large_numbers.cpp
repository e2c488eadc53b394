#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <mesh/detail/handler.hpp>

namespace mesh::detail {

namespace {

using Pointer = Json::json_pointer;
using Limits = std::numeric_limits<std::int64_t>;

constexpr double first_beyond_int = 2147483648.0;
constexpr double first_beyond_int64 = 9223372036854775808.0;

double number_in(const Json& value) { return value.get_ref<const double&>(); }

bool is_large_float(const Json& value) {
  return value.is_number_float() && std::abs(number_in(value)) >= first_beyond_int;
}

std::int64_t nearest_integer(double number) {
  if (number >= first_beyond_int64) return Limits::max();
  if (number < -first_beyond_int64) return Limits::min();
  return static_cast<std::int64_t>(number);
}

bool is_integer(double number) {
  return number >= -first_beyond_int64 && number < first_beyond_int64 &&
         std::trunc(number) == number;
}

template <typename Predicate>
bool contains(const Json& value, Predicate predicate) {
  if (!value.is_structured()) return predicate(value);
  return std::any_of(value.begin(), value.end(),
                     [&](const Json& member) { return contains(member, predicate); });
}

template <typename Predicate>
void make_integers(Json& value, Predicate predicate) {
  if (value.is_structured()) {
    for (Json& member : value) make_integers(member, predicate);
  } else if (predicate(value)) {
    value = nearest_integer(number_in(value));
  }
}

bool is_large_integer(const Json& value) {
  return is_large_float(value) && is_integer(number_in(value));
}

bool is_no_integer(const Json& value) {
  return is_large_float(value) && !is_integer(number_in(value));
}

struct Lost {
  Pointer place;
  std::string number;
};

/// Where an integer was made of a number that is none.
std::optional<Lost> find_lost(const Json& value, const Json& decoded) {
  if (is_no_integer(value)) {
    if (!decoded.is_number_integer()) return std::nullopt;
    return Lost{Pointer(), value.dump()};
  }
  std::optional<Lost> lost;
  if (value.is_object() && decoded.is_object()) {
    for (auto member = value.begin(); member != value.end() && !lost; ++member) {
      const auto counterpart = decoded.find(member.key());
      if (counterpart == decoded.end()) continue;
      lost = find_lost(*member, *counterpart);
      if (lost) lost->place = Pointer() / member.key() / lost->place;
    }
  } else if (value.is_array() && decoded.is_array()) {
    const std::size_t size = std::min(value.size(), decoded.size());
    for (std::size_t i = 0; i < size && !lost; ++i) {
      lost = find_lost(value[i], decoded[i]);
      if (lost) lost->place = Pointer() / i / lost->place;
    }
  }
  return lost;
}

}  // namespace

bool has_large_float(const Json& document) { return contains(document, is_large_float); }

void tame_large_floats(std::string_view type, Json& document, const Reencode& reencode) {
  make_integers(document, is_large_integer);
  if (!contains(document, is_no_integer)) return;
  Json harmless = document;
  make_integers(harmless, is_no_integer);
  Json decoded;
  try {
    decoded = reencode(harmless);
  } catch (const std::exception&) {
    throw_decode_error(type, harmless, reencode);
  }
  const auto lost = find_lost(document, decoded);
  if (!lost) return;
  throw MeshDecodeError(std::string(type), lost->place.to_string(),
                        "an integer cannot hold " + lost->number);
}

}  // namespace mesh::detail
