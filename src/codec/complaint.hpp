#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mesh::codec {

/// nlohmann_json begins its messages with "[json.exception.<kind>.<number>] ".
inline std::string_view without_exception_tag(std::string_view text) {
  const auto end = text.starts_with("[json.exception.") ? text.find("] ") : std::string_view::npos;
  return end == std::string_view::npos ? text : text.substr(end + 2);
}

/// As much of a text in UTF-8 as a message can bear.
inline std::string shorten(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  const auto is_inside_character = [&](std::size_t place) {
    return (static_cast<unsigned char>(text[place]) & 0xC0U) == 0x80U;
  };
  std::size_t end = most;
  while (end > 0 && is_inside_character(end)) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace mesh::codec
