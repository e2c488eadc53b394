#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include <wire/json_string.hpp>

namespace mesh::wire {

/// Appends one object; its members in the order in which they are added. What is not UTF-8 is
/// replaced.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& json) : json_(json) { json_ += '{'; }

  template <typename Append>
  ObjectWriter& member(std::string_view name, Append append) {
    if (!is_empty_) json_ += ',';
    is_empty_ = false;
    append_any_json_string(json_, name);
    json_ += ':';
    append(json_);
    return *this;
  }
  template <std::integral Number>
  ObjectWriter& number(std::string_view name, Number value) {
    return member(name, [value](std::string& json) { json += std::to_string(value); });
  }
  ObjectWriter& text(std::string_view name, std::string_view value) {
    return member(name, [value](std::string& json) { append_any_json_string(json, value); });
  }
  void end() { json_ += '}'; }

 private:
  std::string& json_;
  bool is_empty_ = true;
};

}  // namespace mesh::wire
