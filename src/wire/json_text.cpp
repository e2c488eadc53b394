#include <wire/json_text.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace mesh::wire {

namespace {

using Json = nlohmann::json;

// Without branches, so that a loop of it becomes vector code.
unsigned char is_special(char c) {
  const auto byte = static_cast<signed char>(c);  // what is not ASCII is negative
  return static_cast<unsigned char>((byte < ' ') | (byte == '\x7F') | (byte == '"') |
                                    (byte == '\\'));
}

bool has_special(const char* text, std::size_t size) {
  unsigned char found = 0;
  for (std::size_t i = 0; i < size; ++i) found |= is_special(text[i]);
  return found != 0;
}

class ValueWriter {
 public:
  ValueWriter(std::string& text, bool is_strict) : text_(text), is_strict_(is_strict) {}

  void write(const Json& value) {
    switch (value.type()) {
      case Json::value_t::object:
        return write_object(value);
      case Json::value_t::array:
        return write_array(value);
      case Json::value_t::string:
        return write_string(value.get_ref<const std::string&>());
      case Json::value_t::number_integer:
        return write_integer(value.get<std::int64_t>());
      case Json::value_t::number_unsigned:
        return write_integer(value.get<std::uint64_t>());
      case Json::value_t::number_float:
        if (is_strict_ && !std::isfinite(value.get_ref<const double&>())) {
          throw std::domain_error("JSON has no number for " + describe(value));
        }
        break;
      case Json::value_t::discarded:
        if (is_strict_) throw std::domain_error("a value that was discarded by the parser");
        break;
      default:
        break;
    }
    text_ += value.dump();
  }

 private:
  static std::string describe(const Json& not_finite) {
    const double number = not_finite.get<double>();
    if (std::isnan(number)) return "NaN";
    return number < 0 ? "-infinity" : "infinity";
  }

  void write_object(const Json& object) {
    char before = '{';
    for (const auto& [key, value] : object.get_ref<const Json::object_t&>()) {
      text_ += std::exchange(before, ',');
      write_string(key);
      text_ += ':';
      write(value);
    }
    text_ += before == '{' ? "{}" : "}";
  }

  void write_array(const Json& array) {
    char before = '[';
    for (const Json& value : array) {
      text_ += std::exchange(before, ',');
      write(value);
    }
    text_ += before == '[' ? "[]" : "]";
  }

  void write_string(const std::string& string) {
    append_json_string(text_, string, Json::error_handler_t::strict);
  }

  template <typename Integer>
  void write_integer(Integer value) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
    text_.append(digits.data(), end);
  }

  std::string& text_;
  bool is_strict_;
};

void make_usual_room(std::string& text) {
  constexpr std::size_t usual_size = 128;
  if (text.capacity() - text.size() < usual_size) text.reserve(text.size() + usual_size);
}

class Parser {
 public:
  Parser(std::string_view text, std::size_t most_levels)
      : begin_(text.data()),
        next_(text.data()),
        end_(text.data() + text.size()),
        levels_left_(std::min(most_levels, most_recursion)) {}

  std::size_t parse(Json& value) {
    if (take_value(value)) return static_cast<std::size_t>(next_ - begin_);
    value = nullptr;  // so that its memory is free for whoever tries next
    return 0;
  }

 private:
  static constexpr std::size_t most_recursion = 64;

  bool take(char c) {
    if (next_ == end_ || *next_ != c) return false;
    ++next_;
    return true;
  }

  bool take_value(Json& value) {
    if (next_ == end_) return false;
    switch (*next_) {
      case '{':
        return take_object(value);
      case '[':
        return take_array(value);
      case '"': {
        const auto string = take_string();
        if (string) value = *string;
        return string.has_value();
      }
      case 't':
        return take_word("true", value, true);
      case 'f':
        return take_word("false", value, false);
      case 'n':
        return take_word("null", value, nullptr);
      default:
        return take_number(value);
    }
  }

  bool take_object(Json& value) {
    if (levels_left_ == 0) return false;
    --levels_left_;
    value = Json::object();
    auto& members = value.get_ref<Json::object_t&>();
    ++next_;
    if (take('}')) return leave_level();
    do {
      const auto key = take_string();
      if (!key || !take(':')) return false;
      if (!take_value(members[std::string(*key)])) return false;
    } while (take(','));
    return take('}') && leave_level();
  }

  bool take_array(Json& value) {
    if (levels_left_ == 0) return false;
    --levels_left_;
    value = Json::array();
    auto& elements = value.get_ref<Json::array_t&>();
    ++next_;
    if (take(']')) return leave_level();
    do {
      if (!take_value(elements.emplace_back())) return false;
    } while (take(','));
    return take(']') && leave_level();
  }

  bool leave_level() {
    ++levels_left_;
    return true;
  }

  std::optional<std::string_view> take_string() {
    if (!take('"')) return std::nullopt;
    const auto left = static_cast<std::size_t>(end_ - next_);
    const void* const quote = std::memchr(next_, '"', left);
    if (quote == nullptr) return std::nullopt;
    const char* const begin = std::exchange(next_, static_cast<const char*>(quote) + 1);
    const std::string_view string(begin, static_cast<std::size_t>(next_ - begin) - 1);
    if (!needs_no_escapes(string)) return std::nullopt;
    return string;
  }

  template <typename Value>
  bool take_word(std::string_view word, Json& value, Value meaning) {
    if (!std::string_view(next_, static_cast<std::size_t>(end_ - next_)).starts_with(word)) {
      return false;
    }
    next_ += word.size();
    value = meaning;
    return true;
  }

  bool take_number(Json& value) {
    const char* const begin = next_;
    const bool is_negative = take('-');
    const char* const first = next_;
    const auto digits = take_digits();
    if (digits == 0 || (*first == '0' && digits > 1)) return false;
    if (next_ != end_ && (*next_ == '.' || *next_ == 'e' || *next_ == 'E')) {
      return take_fraction() && set_fraction(begin, value);
    }
    constexpr std::ptrdiff_t most_int64_digits = 18;
    if (digits > most_int64_digits || (*first == '0' && is_negative)) return false;
    std::int64_t number = 0;
    std::from_chars(begin, next_, number);
    // As the parser: without a sign it is an unsigned number.
    if (is_negative) {
      value = number;
    } else {
      value = static_cast<std::uint64_t>(number);
    }
    return true;
  }

  std::ptrdiff_t take_digits() {
    const char* const begin = next_;
    while (next_ != end_ && is_digit(*next_)) ++next_;
    return next_ - begin;
  }

  /// What follows the digits before the point.
  bool take_fraction() {
    if (take('.') && take_digits() == 0) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('-')) take('+');
    return take_digits() > 0;
  }

  bool set_fraction(const char* begin, Json& value) {
#ifdef __cpp_lib_to_chars  // else there is none for fractions
    double number = 0;
    const auto result = std::from_chars(begin, next_, number);
    if (result.ec != std::errc() || result.ptr != next_) return false;
    value = number;
    return true;
#else
    return false;
#endif
  }

  const char* begin_;
  const char* next_;
  const char* end_;
  std::size_t levels_left_;
};

}  // namespace

std::string to_json_text(const Json& document) {
  std::string text;
  make_usual_room(text);
  ValueWriter(text, false).write(document);
  return text;
}

void append_exact_json(std::string& text, const Json& document) {
  make_usual_room(text);
  ValueWriter(text, true).write(document);
}

void append_json_string(std::string& text, std::string_view string,
                        Json::error_handler_t on_bad_utf8) {
  if (needs_no_escapes(string)) {
    text += '"';
    text += string;
    text += '"';
  } else {
    text += Json(string).dump(-1, ' ', false, on_bad_utf8);
  }
}

std::size_t parse_plain_prefix(std::string_view text, std::size_t most_levels, Json& value) {
  return Parser(text, most_levels).parse(value);
}

bool needs_no_escapes(std::string_view text) {
  constexpr std::size_t block = 32;
  std::size_t i = 0;
  for (; i + block <= text.size(); i += block) {
    if (has_special(text.data() + i, block)) return false;
  }
  if (i == text.size()) return true;
  if (text.size() < block) return !has_special(text.data(), text.size());
  return !has_special(text.data() + text.size() - block, block);
}

}  // namespace mesh::wire
