#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mesh {

/// The names of an enum's values. With them, and `<mesh/codec/std.hpp>`, a value is a string in
/// JSON:
///
///     enum class Color { red, green };
///     template <>
///     struct mesh::EnumNames<Color> {
///       static constexpr std::pair<Color, std::string_view> names[] = {{Color::red, "red"},
///                                                                      {Color::green, "green"}};
///     };
///
/// Any range of pairs will do, such as a `std::array`. A value with several names is written by the
/// first and read by each, so that one can be renamed. A name that is not listed is refused when it
/// is read, and a value without a name when it is written.
///
/// It must stand before anything that converts the enum, so put it right behind the enum: without
/// it nlohmann_json writes numbers.
template <typename Enum>
struct EnumNames;

namespace detail {

template <typename T>
concept NamedEnum = std::is_enum_v<T> && requires {
  std::size(EnumNames<T>::names);
};

template <NamedEnum Enum>
constexpr std::optional<Enum> find_enum(std::string_view name) {
  for (const auto& [value, its_name] : EnumNames<Enum>::names) {
    if (name == its_name) return value;
  }
  return std::nullopt;
}

template <NamedEnum Enum>
constexpr std::optional<std::string_view> find_enum_name(Enum wanted) {
  for (const auto& [value, name] : EnumNames<Enum>::names) {
    if (value == wanted) return name;
  }
  return std::nullopt;
}

template <NamedEnum Enum>
consteval bool has_unique_names() {
  for (const auto& [value, name] : EnumNames<Enum>::names) {
    if (find_enum<Enum>(name) != value) return false;
  }
  return true;
}

/// Both list what is known, as far as that is short.
std::string describe_unknown_name(std::string_view name, std::span<const std::string_view> known);
std::string describe_unnamed_value(std::string_view number,
                                   std::span<const std::string_view> known);

template <NamedEnum Enum>
std::vector<std::string_view> known_names() {
  std::vector<std::string_view> names;
  for (const auto& entry : EnumNames<Enum>::names) names.emplace_back(entry.second);
  return names;
}

}  // namespace detail
}  // namespace mesh
