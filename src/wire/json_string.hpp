#pragma once

#include <string>
#include <string_view>

#include <wire/json_lexer.hpp>

namespace mesh::wire {

/// What the string says, at the end of `text`. Half a surrogate pair, which JSON may hold and UTF-8
/// may not, becomes U+FFFD.
void append_unescaped(std::string& text, std::string_view written);
inline std::string unescape(const JsonString& string) {
  if (!string.has_escapes) return std::string(string.written);
  std::string text;
  append_unescaped(text, string.written);
  return text;
}

/// Appends a JSON string. Throws `std::domain_error` for bytes that are not UTF-8.
void append_json_string(std::string& json, std::string_view text);
/// The same, with U+FFFD in place of each such byte.
void append_any_json_string(std::string& json, std::string_view text);

}  // namespace mesh::wire
