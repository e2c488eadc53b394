#include <wire/json_lexer.hpp>

#include <algorithm>

#include <wire/json_bytes.hpp>

namespace mesh::wire {

namespace {

bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

bool JsonLexer::take_word(std::string_view word) {
  if (!std::string_view(next_, static_cast<std::size_t>(end_ - next_)).starts_with(word)) {
    return false;
  }
  next_ += word.size();
  return true;
}

// Up to the quote that ends it, from what is none.
bool JsonLexer::pass_over_special(JsonString& string) {
  while (next_ != end_ && *next_ != '"') {
    const bool is_escape = *next_ == '\\';
    const std::size_t size = is_escape ? escape_size(next_) : utf8_size(next_, end_);
    if (size == 0) return false;
    string.has_escapes |= is_escape;
    next_ = find_special(next_ + size, end_);
  }
  return true;
}

std::size_t JsonLexer::escape_size(const char* backslash) const {
  constexpr std::ptrdiff_t with_code = 6;  // \uXXXX
  if (end_ - backslash < 2) return 0;
  if (std::string_view("\"\\/bfnrt").find(backslash[1]) != std::string_view::npos) return 2;
  if (backslash[1] != 'u' || end_ - backslash < with_code) return 0;
  return std::all_of(backslash + 2, backslash + with_code, is_hex_digit) ? with_code : 0;
}

bool JsonLexer::take_number(JsonNumber& number) {
  const char* const begin = next_;
  take('-');
  if (!take('0') && !take_digits()) return false;
  const char* const end_of_integer = next_;
  if (take('.') && !take_digits()) return false;
  if (take('e') || take('E')) {
    if (!take('-')) take('+');
    if (!take_digits()) return false;
  }
  number.written = {begin, static_cast<std::size_t>(next_ - begin)};
  number.is_integer = next_ == end_of_integer;
  return true;
}

bool JsonLexer::take_digits() {
  const char* const begin = next_;
  while (next_ != end_ && is_digit(*next_)) ++next_;
  return next_ != begin;
}

}  // namespace mesh::wire
