#pragma once

#include <cstddef>
#include <limits>
#include <string_view>

#include <wire/json_reader.hpp>
#include <wire/json_string.hpp>

namespace mesh::wire {

/// Where reading ended, and why.
struct JsonFinding {
  JsonVerdict verdict = JsonVerdict::good;
  std::size_t place = 0;
};

/// Tells `on_field` the name of each member and its value as it is written, without spaces around
/// it.
template <typename OnField>
JsonVerdict read_members(JsonLexer& text, std::size_t most_levels, OnField on_field) {
  text.skip_space();
  if (!text.take('{')) return JsonVerdict::no_json;
  text.skip_space();
  if (text.take('}')) return JsonVerdict::good;
  do {
    text.skip_space();
    JsonString name;
    if (!text.take_string(name)) return JsonVerdict::no_json;
    text.skip_space();
    if (!text.take(':')) return JsonVerdict::no_json;
    text.skip_space();
    const std::size_t begin = text.place();
    const JsonVerdict verdict = skip_json_value(text, most_levels - 1);
    if (verdict != JsonVerdict::good) return verdict;
    const std::string_view value = text.read_since(begin);
    if (name.has_escapes) {
      on_field(std::string_view(unescape(name)), value);
    } else {
      on_field(name.written, value);
    }
    text.skip_space();
  } while (text.take(','));
  return text.take('}') ? JsonVerdict::good : JsonVerdict::no_json;
}

/// Tells `on_element` each element of an array as it is written.
template <typename OnElement>
JsonVerdict read_elements(JsonLexer& text, std::size_t most_levels, OnElement on_element) {
  text.skip_space();
  if (!text.take('[')) return JsonVerdict::no_json;
  text.skip_space();
  if (text.take(']')) return JsonVerdict::good;
  do {
    text.skip_space();
    const std::size_t begin = text.place();
    const JsonVerdict verdict = skip_json_value(text, most_levels - 1);
    if (verdict != JsonVerdict::good) return verdict;
    on_element(text.read_since(begin));
    text.skip_space();
  } while (text.take(','));
  return text.take(']') ? JsonVerdict::good : JsonVerdict::no_json;
}

/// What was found of a text that shall have nothing behind what was read.
inline JsonFinding end_of(JsonLexer& text, JsonVerdict verdict) {
  if (verdict == JsonVerdict::good) {
    text.skip_space();
    if (!text.is_at_end()) verdict = JsonVerdict::no_json;
  }
  return {verdict, text.place()};
}

/// Reads a text that is one object of at most so many levels, itself being one.
template <typename OnField>
JsonFinding read_object(std::string_view json, std::size_t most_levels, OnField on_field) {
  JsonLexer text(json);
  const JsonVerdict verdict = read_members(text, most_levels, on_field);
  return end_of(text, verdict);
}

/// The same for an array.
template <typename OnElement>
JsonFinding read_array(std::string_view json, std::size_t most_levels, OnElement on_element) {
  JsonLexer text(json);
  const JsonVerdict verdict = read_elements(text, most_levels, on_element);
  return end_of(text, verdict);
}

/// Reads a text that is one value of any depth.
template <typename Events>
JsonFinding read_document(std::string_view json, Events& events) {
  JsonLexer text(json);
  const JsonVerdict verdict =
      read_json_value(text, std::numeric_limits<std::size_t>::max(), events);
  return end_of(text, verdict);
}

/// The same for who only wants to know whether it is one.
inline JsonFinding check_document(std::string_view json) {
  JsonLexer text(json);
  const JsonVerdict verdict = skip_json_value(text, std::numeric_limits<std::size_t>::max());
  return end_of(text, verdict);
}

inline bool is_json(std::string_view json) {
  return check_document(json).verdict == JsonVerdict::good;
}

}  // namespace mesh::wire
