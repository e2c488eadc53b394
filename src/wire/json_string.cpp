#include <wire/json_string.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include <wire/json_bytes.hpp>

namespace mesh::wire {

namespace {

constexpr std::uint32_t replacement = 0xFFFD;
constexpr std::size_t code_escape_size = 6;  // \uXXXX

bool is_first_half(std::uint32_t code) { return code >= 0xD800 && code < 0xDC00; }
bool is_second_half(std::uint32_t code) { return code >= 0xDC00 && code < 0xE000; }

bool has_code_at(std::string_view written, std::size_t place) {
  return written.substr(place).starts_with("\\u");
}

/// Of the escape \uXXXX there.
std::uint32_t code_at(std::string_view written, std::size_t place) {
  std::uint32_t code = 0;
  const char* const digits = written.data() + place + 2;
  std::from_chars(digits, digits + 4, code, 16);
  return code;
}

void append_utf8(std::string& text, std::uint32_t code) {
  const auto append = [&text](std::uint32_t byte) { text += static_cast<char>(byte); };
  const auto rest = [code](unsigned shift) { return 0x80U | ((code >> shift) & 0x3FU); };
  if (code < 0x80) {
    append(code);
  } else if (code < 0x800) {
    append(0xC0U | (code >> 6U));
    append(rest(0));
  } else if (code < 0x10000) {
    append(0xE0U | (code >> 12U));
    append(rest(6));
    append(rest(0));
  } else {
    append(0xF0U | (code >> 18U));
    append(rest(12));
    append(rest(6));
    append(rest(0));
  }
}

/// Appends what the escape \uXXXX there stands for, with its other half if it has one. Returns how
/// much of the text that was.
std::size_t append_code(std::string& text, std::string_view written, std::size_t place) {
  const std::uint32_t first = code_at(written, place);
  if (is_first_half(first) && has_code_at(written, place + code_escape_size)) {
    const std::uint32_t second = code_at(written, place + code_escape_size);
    if (is_second_half(second)) {
      append_utf8(text, 0x10000U + ((first - 0xD800U) << 10U) + (second - 0xDC00U));
      return 2 * code_escape_size;
    }
  }
  const bool is_half = is_first_half(first) || is_second_half(first);
  append_utf8(text, is_half ? replacement : first);
  return code_escape_size;
}

char meaning_of(char escape) {
  switch (escape) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return escape;
  }
}

void append_escape(std::string& json, char c) {
  constexpr std::string_view meanings = "\"\\\b\f\n\r\t";
  constexpr std::string_view letters = "\"\\bfnrt";
  json += '\\';
  if (const auto found = meanings.find(c); found != std::string_view::npos) {
    json += letters[found];
    return;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  json += "u00";
  json += digits[byte >> 4U];
  json += digits[byte & 0xFU];
}

[[noreturn]] void refuse_byte(char c, std::size_t index) {
  std::array<char, 2> digits{};
  char* const end =
      std::to_chars(digits.begin(), digits.end(), static_cast<unsigned char>(c), 16).ptr;
  throw std::domain_error("a text is not UTF-8: byte 0x" + std::string(digits.begin(), end) +
                          " at index " + std::to_string(index));
}

template <typename OnBadByte>
void append_string(std::string& json, std::string_view text, OnBadByte on_bad_byte) {
  constexpr std::size_t size_of_what_follows = 64;  // else its first character would copy it all
  const std::size_t usual_size = json.size() + text.size() + 2;
  if (json.capacity() < usual_size) {
    json.reserve(std::max(usual_size + size_of_what_follows, 2 * json.size()));
  }
  json += '"';
  const char* const end = text.data() + text.size();
  for (const char* next = text.data(); next != end;) {
    const char* const special = find_special(next, end);
    json.append(next, special);
    if (special == end) break;
    next = special + 1;
    if (static_cast<unsigned char>(*special) < 0x80) {
      append_escape(json, *special);
    } else if (const std::size_t size = utf8_size(special, end); size > 0) {
      json.append(special, size);
      next = special + size;
    } else {
      on_bad_byte(*special, static_cast<std::size_t>(special - text.data()));
    }
  }
  json += '"';
}

}  // namespace

void append_unescaped(std::string& text, std::string_view written) {
  std::size_t place = 0;
  for (;;) {
    const std::size_t backslash = written.find('\\', place);
    text += written.substr(place, backslash - place);
    if (backslash == std::string_view::npos) return;
    if (written[backslash + 1] == 'u') {
      place = backslash + append_code(text, written, backslash);
    } else {
      text += meaning_of(written[backslash + 1]);
      place = backslash + 2;
    }
  }
}

void append_json_string(std::string& json, std::string_view text) {
  append_string(json, text, refuse_byte);
}

void append_any_json_string(std::string& json, std::string_view text) {
  append_string(json, text, [&json](char, std::size_t) { append_utf8(json, replacement); });
}

}  // namespace mesh::wire
