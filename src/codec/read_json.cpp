#include <mesh/detail/json_events.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include <mesh/codec.hpp>

#include <wire/json_number.hpp>
#include <wire/json_object.hpp>
#include <wire/json_string.hpp>

namespace mesh::detail {

namespace {

/// Says what the reader's words mean.
class Interpreter {
 public:
  explicit Interpreter(JsonEvents& events) : events_(events) {}

  void null() { events_.on_null(); }
  void boolean(bool value) { events_.on_boolean(value); }
  void number(const wire::JsonNumber& number) {
    const bool is_negative = number.written.starts_with('-');
    if (is_negative) {
      if (const auto integer = wire::to_int64(number)) return events_.on_integer(*integer);
    } else if (const auto integer = wire::to_uint64(number)) {
      return events_.on_unsigned(*integer);
    }
    const double value = wire::to_double(number);
    if (std::isinf(value)) {
      throw CodecError({}, "a number is too large: " + std::string(number.written.substr(0, 32)));
    }
    events_.on_float(value);
  }
  void string(const wire::JsonString& string) { events_.on_string(meaning(string)); }
  void key(const wire::JsonString& key) { events_.on_key(meaning(key)); }
  void begin_object() { events_.on_object_begin(); }
  void end_object() { events_.on_object_end(); }
  void begin_array() { events_.on_array_begin(); }
  void end_array() { events_.on_array_end(); }

 private:
  std::string_view meaning(const wire::JsonString& string) {
    if (!string.has_escapes) return string.written;
    unescaped_.clear();
    wire::append_unescaped(unescaped_, string.written);
    return unescaped_;
  }

  JsonEvents& events_;
  std::string unescaped_;
};

template <typename Integer>
void append_digits(std::string& json, Integer value) {
  std::array<char, 24> digits{};
  json.append(digits.data(),
              std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

}  // namespace

void read_json(std::string_view json, JsonEvents& events) {
  Interpreter interpreter(events);
  const wire::JsonFinding found = wire::read_document(json, interpreter);
  if (found.verdict == wire::JsonVerdict::good) return;
  throw CodecError({}, "not one JSON value, as byte " + std::to_string(found.place) + " shows");
}

std::optional<std::string> read_json_string(std::string_view json) {
  wire::JsonLexer text(json);
  wire::JsonString string;
  text.skip_space();
  if (!text.take_string(string)) return std::nullopt;
  text.skip_space();
  return text.is_at_end() ? std::optional(wire::unescape(string)) : std::nullopt;
}

void append_json_integer(std::string& json, std::int64_t value) { append_digits(json, value); }

void append_json_unsigned(std::string& json, std::uint64_t value) { append_digits(json, value); }

void append_json_string(std::string& json, std::string_view text) {
  wire::append_json_string(json, text);
}

}  // namespace mesh::detail
