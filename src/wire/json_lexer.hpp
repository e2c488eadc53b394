#pragma once

#include <cstddef>
#include <string_view>

#include <wire/json_bytes.hpp>

namespace mesh::wire {

/// A string as it is written, without its quotes.
struct JsonString {
  std::string_view written;
  bool has_escapes = false;
};

/// A number as it is written.
struct JsonNumber {
  std::string_view written;
  bool is_integer = false;  ///< Without a fraction and an exponent.
};

/// The words of a JSON text (RFC 8259), from front to back. What is false was not there; then the
/// place is where it stopped making sense.
class JsonLexer {
 public:
  explicit JsonLexer(std::string_view text)
      : begin_(text.data()), next_(text.data()), end_(text.data() + text.size()) {}

  bool is_at_end() const { return next_ == end_; }
  /// The next byte; 0 at the end, where no word begins either.
  char peek() const { return next_ == end_ ? '\0' : *next_; }
  std::size_t place() const { return static_cast<std::size_t>(next_ - begin_); }
  /// What was read since `place` was the place.
  std::string_view read_since(std::size_t place) const {
    return {begin_ + place, static_cast<std::size_t>(next_ - begin_) - place};
  }

  void skip_space() {
    while (next_ != end_ && (*next_ == ' ' || *next_ == '\n' || *next_ == '\r' || *next_ == '\t')) {
      ++next_;
    }
  }
  bool take(char c) {
    if (next_ == end_ || *next_ != c) return false;
    ++next_;
    return true;
  }
  bool take_word(std::string_view word);
  bool take_string(JsonString& string) {
    if (!take('"')) return false;
    string.has_escapes = false;
    const char* const begin = next_;
    next_ = find_special(next_, end_);
    if (next_ != end_ && *next_ != '"' && !pass_over_special(string)) return false;
    if (next_ == end_) return false;
    string.written = {begin, static_cast<std::size_t>(next_ - begin)};
    ++next_;
    return true;
  }
  bool take_number(JsonNumber& number);

 private:
  bool pass_over_special(JsonString& string);
  std::size_t escape_size(const char* backslash) const;
  bool take_digits();

  const char* begin_;
  const char* next_;
  const char* end_;
};

}  // namespace mesh::wire
