#include <mesh/codec/enum_names.hpp>

#include <algorithm>
#include <cstddef>

#include <codec/complaint.hpp>

namespace mesh::detail {

namespace {

std::string quote(std::string_view text) {
  constexpr std::size_t most = 64;
  return '"' + codec::shorten(text, most) + '"';
}

std::string list(std::span<const std::string_view> names) {
  constexpr std::size_t most = 12;
  std::string text;
  for (const std::string_view name : names.first(std::min(names.size(), most))) {
    if (!text.empty()) text += ", ";
    text += quote(name);
  }
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

}  // namespace

std::string describe_unknown_name(std::string_view name, std::span<const std::string_view> known) {
  return quote(name) + " is none of " + list(known);
}

std::string describe_unnamed_value(std::string_view number,
                                   std::span<const std::string_view> known) {
  return "the enum's value " + std::string(number) + " has no name; known are " + list(known);
}

}  // namespace mesh::detail
