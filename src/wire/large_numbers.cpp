#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <string>
#include <string_view>

#include <mesh/detail/handler.hpp>

namespace mesh::detail {

namespace {

using Pointer = Json::json_pointer;

// A float that fits an int is left to nlohmann_json, which cuts its fraction off.
bool is_large_float(const Json& value) {
  constexpr double first_beyond_int = 2147483648.0;
  return value.is_number_float() && std::abs(value.get_ref<const double&>()) >= first_beyond_int;
}

// What the number may be read as into an integer of any width without undefined behaviour. A
// fraction stands for those that no integer can hold.
Json stand_in(double number) {
  constexpr double first_beyond_int64 = 9223372036854775808.0;
  const bool fits = std::abs(number) < first_beyond_int64 && std::trunc(number) == number;
  return fits ? Json(static_cast<std::int64_t>(number)) : Json(0.5);
}

void replace_large_floats(Json& value) {
  if (is_large_float(value)) {
    value = stand_in(value.get_ref<const double&>());
  } else if (value.is_structured()) {
    for (Json& member : value) replace_large_floats(member);
  }
}

/// Where an integer was made of a number that is not this integer.
class LostNumber {
 public:
  LostNumber(const Json& document, const Json& decoded) { compare(Pointer(), document, decoded); }

  bool found() const noexcept { return !cause_.empty(); }
  const std::string& path() const noexcept { return path_; }
  const std::string& cause() const noexcept { return cause_; }

 private:
  void compare(const Pointer& place, const Json& value, const Json& decoded) {
    if (is_large_float(value)) {
      if (!decoded.is_number_integer() || decoded == stand_in(value.get_ref<const double&>())) {
        return;
      }
      path_ = place.to_string();
      cause_ = "type must be an integer that can hold " + value.dump();
    } else if (value.is_object() && decoded.is_object()) {
      for (auto member = value.begin(); member != value.end() && !found(); ++member) {
        const auto counterpart = decoded.find(member.key());
        if (counterpart != decoded.end()) compare(place / member.key(), *member, *counterpart);
      }
    } else if (value.is_array() && decoded.is_array()) {
      const std::size_t size = std::min(value.size(), decoded.size());
      for (std::size_t i = 0; i < size && !found(); ++i) compare(place / i, value[i], decoded[i]);
    }
  }

  std::string path_;
  std::string cause_;
};

}  // namespace

bool has_large_float(const Json& document) noexcept {
  if (document.is_structured()) {
    return std::any_of(document.begin(), document.end(), has_large_float);
  }
  return is_large_float(document);
}

void refuse_lost_numbers(std::string_view type, const Json& document, const Reencode& reencode) {
  Json harmless = document;
  replace_large_floats(harmless);
  Json decoded;
  try {
    decoded = reencode(harmless);
  } catch (const std::exception&) {
    throw_decode_error(type, harmless, reencode);
  }
  const LostNumber lost(document, decoded);
  if (lost.found()) throw MeshDecodeError(std::string(type), lost.path(), lost.cause());
}

}  // namespace mesh::detail
