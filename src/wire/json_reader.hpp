#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <wire/json_lexer.hpp>

namespace mesh::wire {

/// Which of the levels around a place are objects; the others are arrays.
class JsonLevels {
 public:
  std::size_t size() const { return size_; }
  bool is_object() const { return (bits_ & 1U) != 0; }
  void enter(bool is_object) {
    if (size_ != 0 && size_ % bits_at_once == 0) outer_.push_back(bits_);
    bits_ = (bits_ << 1U) | static_cast<std::uint64_t>(is_object);
    ++size_;
  }
  void leave() {
    --size_;
    bits_ >>= 1U;
    if (size_ != 0 && size_ % bits_at_once == 0) {
      bits_ = outer_.back();
      outer_.pop_back();
    }
  }

 private:
  static constexpr std::size_t bits_at_once = 64;

  std::uint64_t bits_ = 0;
  std::vector<std::uint64_t> outer_;  // of levels further out, which are rarely that many
  std::size_t size_ = 0;
};

enum class JsonVerdict { good, no_json, too_deep };

/// For who only wants to know whether it is JSON.
struct NoJsonEvents {
  void null() {}
  void boolean(bool /*value*/) {}
  void number(const JsonNumber& /*number*/) {}
  void string(const JsonString& /*string*/) {}
  void key(const JsonString& /*key*/) {}
  void begin_object() {}
  void end_object() {}
  void begin_array() {}
  void end_array() {}
};

/// Reads a value that is neither an object nor an array.
template <typename Events>
bool read_simple_value(JsonLexer& text, Events& events) {
  switch (text.peek()) {
    case '"': {
      JsonString string;
      if (!text.take_string(string)) return false;
      events.string(string);
      return true;
    }
    case 't':
      if (!text.take_word("true")) return false;
      events.boolean(true);
      return true;
    case 'f':
      if (!text.take_word("false")) return false;
      events.boolean(false);
      return true;
    case 'n':
      if (!text.take_word("null")) return false;
      events.null();
      return true;
    default: {
      JsonNumber number;
      if (!text.take_number(number)) return false;
      events.number(number);
      return true;
    }
  }
}

/// Reads one JSON value and what is in it, whatever is behind it, and tells `events` of all in
/// order. It does not recurse, so values of any depth can be read.
template <typename Events>
class JsonReader {
 public:
  JsonReader(JsonLexer& text, std::size_t most_levels, Events& events)
      : text_(text), most_levels_(most_levels), events_(events) {}

  JsonVerdict read() {
    while (read_beginning()) {
      if (has_entered_) continue;
      if (!read_endings()) return verdict_;
      if (levels_.size() == 0) return JsonVerdict::good;
    }
    return verdict_;
  }

 private:
  /// A simple value, an empty array or object, or what another begins with.
  bool read_beginning() {
    text_.skip_space();
    has_entered_ = false;
    switch (text_.peek()) {
      case '{':
        if (!enter(true)) return false;
        if (text_.take('}')) return end_level();
        has_entered_ = true;
        return read_key();
      case '[':
        if (!enter(false)) return false;
        if (text_.take(']')) return end_level();
        has_entered_ = true;
        return true;
      default:
        return read_simple_value(text_, events_);
    }
  }

  /// What ends behind a value, up to where the next one begins.
  bool read_endings() {
    while (levels_.size() > 0) {
      text_.skip_space();
      if (text_.take(',')) {
        if (!levels_.is_object()) return true;
        text_.skip_space();
        return read_key();
      }
      if (!text_.take(levels_.is_object() ? '}' : ']')) return false;
      end_level();
    }
    return true;
  }

  bool enter(bool is_object) {
    if (levels_.size() == most_levels_) {
      verdict_ = JsonVerdict::too_deep;
      return false;
    }
    levels_.enter(is_object);
    text_.take(is_object ? '{' : '[');
    if (is_object) {
      events_.begin_object();
    } else {
      events_.begin_array();
    }
    text_.skip_space();
    return true;
  }

  bool end_level() {
    if (levels_.is_object()) {
      events_.end_object();
    } else {
      events_.end_array();
    }
    levels_.leave();
    return true;
  }

  bool read_key() {
    JsonString key;
    if (!text_.take_string(key)) return false;
    text_.skip_space();
    if (!text_.take(':')) return false;
    events_.key(key);
    return true;
  }

  JsonLexer& text_;
  std::size_t most_levels_;
  Events& events_;
  JsonLevels levels_;
  bool has_entered_ = false;
  JsonVerdict verdict_ = JsonVerdict::no_json;
};

template <typename Events>
JsonVerdict read_json_value(JsonLexer& text, std::size_t most_levels, Events& events) {
  return JsonReader<Events>(text, most_levels, events).read();
}

inline JsonVerdict skip_json_value(JsonLexer& text, std::size_t most_levels) {
  NoJsonEvents events;
  text.skip_space();
  if (text.peek() != '{' && text.peek() != '[') {
    return read_simple_value(text, events) ? JsonVerdict::good : JsonVerdict::no_json;
  }
  return read_json_value(text, most_levels, events);
}

}  // namespace mesh::wire
