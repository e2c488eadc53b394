#include <wire/surrogates.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>

namespace mesh::wire {

namespace {

constexpr std::size_t escape_size = 6;  // \uXXXX

/// The code of the escape at a place; nothing if there is another one, or none.
std::optional<std::uint16_t> code_at(std::string_view json, std::size_t place) {
  const std::string_view escape = json.substr(place, escape_size);
  if (escape.size() < escape_size || !escape.starts_with("\\u")) return std::nullopt;
  std::uint16_t code = 0;
  const char* const end = escape.data() + escape_size;
  if (std::from_chars(escape.data() + 2, end, code, 16).ptr != end) return std::nullopt;
  return code;
}

bool is_first_half(std::uint16_t code) { return code >= 0xD800 && code < 0xDC00; }
bool is_second_half(std::uint16_t code) { return code >= 0xDC00 && code < 0xE000; }

}  // namespace

std::optional<std::string> replace_lone_surrogates(std::string_view json) {
  std::optional<std::string> replaced;
  std::size_t place = json.find('\\');
  while (place != std::string_view::npos) {
    std::size_t size = 2;
    if (const auto code = code_at(json, place)) {
      size = escape_size;
      const auto next = is_first_half(*code) ? code_at(json, place + size) : std::nullopt;
      if (next && is_second_half(*next)) {
        size += escape_size;
      } else if (is_first_half(*code) || is_second_half(*code)) {
        if (!replaced) replaced = json;
        replaced->replace(place, escape_size, "\\ufffd");  // of the same size
      }
    }
    place = json.find('\\', place + size);
  }
  return replaced;
}

}  // namespace mesh::wire
