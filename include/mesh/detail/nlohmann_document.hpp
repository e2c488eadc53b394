#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <mesh/codec.hpp>
#include <mesh/detail/json_events.hpp>

// From and to text by the library's own reader and writer: those of nlohmann_json look at each
// character by itself.

namespace mesh::detail {

using Json = nlohmann::json;

/// A float of 2^31 or more, to either side: no integer can be made of it unseen.
inline bool is_large_float(double number) { return std::abs(number) >= 2147483648.0; }

/// Makes a document of what is read.
class DocumentBuilder final : public JsonEvents {
 public:
  void on_null() override { next() = nullptr; }
  void on_boolean(bool value) override { next() = value; }
  void on_integer(std::int64_t value) override { next() = value; }
  void on_unsigned(std::uint64_t value) override { next() = value; }
  void on_float(double value) override {
    has_large_float_ = has_large_float_ || is_large_float(value);
    next() = value;
  }
  void on_string(std::string_view value) override { next() = value; }
  void on_key(std::string_view key) override { member_ = &(*innermost())[std::string(key)]; }
  void on_object_begin() override { enter(Json::object()); }
  void on_object_end() override { --depth_; }
  void on_array_begin() override { enter(Json::array()); }
  void on_array_end() override { --depth_; }

  Json& document() { return document_; }
  bool has_large_float() const { return has_large_float_; }

 private:
  static constexpr std::size_t usual_depth = 16;

  Json* innermost() {
    return depth_ <= usual_depth ? outer_[depth_ - 1] : deep_[depth_ - 1 - usual_depth];
  }
  /// Where the next value belongs.
  Json& next() {
    if (depth_ == 0) return document_;
    Json* const around = innermost();
    return around->is_array() ? around->emplace_back() : *member_;
  }
  void enter(Json container) {
    Json& place = next();
    place = std::move(container);
    if (depth_ < usual_depth) {
      outer_[depth_] = &place;
    } else {
      deep_.resize(depth_ - usual_depth);
      deep_.push_back(&place);
    }
    ++depth_;
  }

  Json document_;
  Json* member_ = nullptr;
  std::array<Json*, usual_depth> outer_{};
  std::vector<Json*> deep_;
  std::size_t depth_ = 0;
  bool has_large_float_ = false;
};

inline void append_document(std::string& out, const Json& document);

inline void append_float(std::string& out, const Json& document) {
  const double number = document.get<double>();
  if (!std::isfinite(number)) {
    const char* const infinity = number < 0 ? "-infinity" : "infinity";
    throw CodecError(
        {}, std::string("JSON has no number for ") + (std::isnan(number) ? "NaN" : infinity));
  }
  out += document.dump();
}

inline void append_text(std::string& out, const std::string& text) {
  try {
    append_json_string(out, text);
  } catch (const std::domain_error& error) {
    throw CodecError({}, error.what());
  }
}

/// `key` gives the member's name in its parent, if there is a fault.
template <typename Key>
void append_member(std::string& out, const Json& member, Key key) {
  try {
    append_document(out, member);
  } catch (const CodecError& error) {
    throw error.inside(key());
  }
}

inline void append_object(std::string& out, const Json& object) {
  char before = '{';
  for (const auto& entry : object.get_ref<const Json::object_t&>()) {
    out += std::exchange(before, ',');
    append_text(out, entry.first);
    out += ':';
    append_member(out, entry.second, [&entry] { return entry.first; });
  }
  out += before == '{' ? "{}" : "}";
}

inline void append_array(std::string& out, const Json& array) {
  char before = '[';
  std::size_t index = 0;
  for (const Json& element : array.get_ref<const Json::array_t&>()) {
    out += std::exchange(before, ',');
    append_member(out, element, [index] { return std::to_string(index); });
    ++index;
  }
  out += before == '[' ? "[]" : "]";
}

/// Appends the text of a document. Throws `CodecError` for what JSON does not have.
inline void append_document(std::string& out, const Json& document) {
  switch (document.type()) {
    case Json::value_t::object:
      return append_object(out, document);
    case Json::value_t::array:
      return append_array(out, document);
    case Json::value_t::string:
      return append_text(out, document.get_ref<const std::string&>());
    case Json::value_t::number_integer:
      return append_json_integer(out, document.get<std::int64_t>());
    case Json::value_t::number_unsigned:
      return append_json_unsigned(out, document.get<std::uint64_t>());
    case Json::value_t::number_float:
      return append_float(out, document);
    case Json::value_t::boolean:
      out += document.get<bool>() ? "true" : "false";
      return;
    case Json::value_t::null:
      out += "null";
      return;
    case Json::value_t::binary:
      out += document.dump();
      return;
    default:
      throw CodecError({}, "a value that was discarded by the parser");
  }
}

}  // namespace mesh::detail
