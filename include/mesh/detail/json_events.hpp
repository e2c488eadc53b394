#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesh::detail {

/// Is told of what a JSON text consists of, in order. Texts are good only during the call.
class JsonEvents {
 public:
  JsonEvents() = default;
  JsonEvents(const JsonEvents&) = delete;
  JsonEvents& operator=(const JsonEvents&) = delete;

  virtual void on_null() = 0;
  virtual void on_boolean(bool value) = 0;
  /// One below 0, or "-0".
  virtual void on_integer(std::int64_t value) = 0;
  virtual void on_unsigned(std::uint64_t value) = 0;
  /// With a fraction, an exponent, or more digits than any integer.
  virtual void on_float(double value) = 0;
  virtual void on_string(std::string_view value) = 0;
  virtual void on_key(std::string_view key) = 0;
  virtual void on_object_begin() = 0;
  virtual void on_object_end() = 0;
  virtual void on_array_begin() = 0;
  virtual void on_array_end() = 0;

 protected:
  ~JsonEvents() = default;
};

/// Reads exactly one JSON value. Throws `CodecError` for what is none, and for a number beyond the
/// range of double. Half a surrogate pair is read as U+FFFD.
void read_json(std::string_view json, JsonEvents& events);

/// What a JSON string says; nothing if it is anything else.
std::optional<std::string> read_json_string(std::string_view json);

void append_json_integer(std::string& json, std::int64_t value);
void append_json_unsigned(std::string& json, std::uint64_t value);

/// Appends a JSON string. Throws `std::domain_error` for bytes that are not UTF-8.
void append_json_string(std::string& json, std::string_view text);

}  // namespace mesh::detail
