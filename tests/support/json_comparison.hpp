#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <mesh/codec.hpp>
#include <mesh/detail/json_events.hpp>
#include <mesh/detail/nlohmann_document.hpp>
#include <wire/json_reader.hpp>
#include <wire/json_string.hpp>

namespace mesh::test {

/// Equal in value and type: 1, 1.0 and the signed 1 are equal for `==`.
inline bool is_same_json(const nlohmann::json& left, const nlohmann::json& right) {
  using Json = nlohmann::json;
  if (left.type() != right.type()) return false;
  if (left.is_number_float()) {
    return std::bit_cast<std::uint64_t>(left.get<double>()) ==
           std::bit_cast<std::uint64_t>(right.get<double>());
  }
  if (!left.is_structured()) return left == right;
  if (left.size() != right.size()) return false;
  auto other = right.begin();
  for (auto element = left.begin(); element != left.end(); ++element, ++other) {
    if (left.type() == Json::value_t::object && element.key() != other.key()) return false;
    if (!is_same_json(*element, *other)) return false;
  }
  return true;
}

/// Of the escape \uXXXX there; 0 if there is none.
inline unsigned code_escaped_at(std::string_view text, std::size_t place) {
  constexpr std::string_view digits = "0123456789abcdef0123456789ABCDEF";
  if (text.size() < place + 6 || text[place] != '\\' || text[place + 1] != 'u') return 0;
  unsigned code = 0;
  for (const char c : text.substr(place + 2, 4)) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) return 0;
    code = code * 16 + static_cast<unsigned>(digit % 16);
  }
  return code;
}

/// The text with U+FFFD in place of halves of surrogate pairs, which nlohmann_json refuses.
/// `memory` may be used for it.
inline std::string_view with_whole_pairs(std::string_view text, std::string& memory) {
  std::size_t copied = 0;  // of the text
  memory.clear();
  for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at)) {
    const unsigned half = code_escaped_at(text, at) >> 10U;
    const bool is_pair = half == 0x36 && code_escaped_at(text, at + 6) >> 10U == 0x37;
    if (is_pair) {
      at += 12;
    } else if (half == 0x36 || half == 0x37) {
      memory.append(text, copied, at - copied).append("\\ufffd");
      at += 6;
      copied = at;
    } else {
      at += 2;
    }
  }
  return copied == 0 ? text : std::string_view(memory.append(text.substr(copied)));
}

enum class JsonReading { json, no_json, too_large_number };

inline JsonReading read_document(std::string_view text, nlohmann::json& document) {
  detail::DocumentBuilder builder;
  try {
    detail::read_json(text, builder);
  } catch (const CodecError& error) {
    const bool is_number = error.cause().starts_with("a number is too large");
    return is_number ? JsonReading::too_large_number : JsonReading::no_json;
  }
  document = std::move(builder.document());
  return JsonReading::json;
}

/// Compares the library's reader and writer of JSON with those of nlohmann_json.
class JsonComparison {
 public:
  /// What is wrong with how the text is read; null if nothing is.
  const char* fault_of(std::string_view text) {
    constexpr std::string_view mark = "\xEF\xBB\xBF";
    // nlohmann_json skips this, and takes a zero byte for the end.
    if (text.starts_with(mark)) {
      if (is_read(text)) return "a mark of the byte order is taken";
      while (text.starts_with(mark)) text.remove_prefix(mark.size());
    }
    if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
      if (is_read(text)) return "a zero byte is taken";
      text = text.substr(0, zero);
    }
    return difference(text);
  }

  /// What is wrong with how any bytes are written as a string; null if nothing is.
  static const char* fault_of_string(std::string_view text) {
    const std::optional<std::string> strict = written_strictly(text);
    if (strict != written_by_nlohmann(text)) return "a string is written differently";
    std::string lenient;
    wire::append_any_json_string(lenient, text);
    if (strict && lenient != *strict) return "what is good is replaced";
    nlohmann::json string;
    const bool is_string =
        read_document(lenient, string) == JsonReading::json && string.is_string();
    if (!is_string) return "what is written cannot be read";
    return strict && string != text ? "what is read is not what was written" : nullptr;
  }

  /// How many texts were JSON.
  std::uint64_t accepted() const { return accepted_; }

 private:
  static bool is_skipped(std::string_view text) {
    wire::JsonLexer lexer(text);
    const auto verdict = wire::skip_json_value(lexer, std::numeric_limits<std::size_t>::max());
    lexer.skip_space();
    return verdict == wire::JsonVerdict::good && lexer.is_at_end();
  }

  static bool is_read(std::string_view text) {
    nlohmann::json document;
    return is_skipped(text) || read_document(text, document) == JsonReading::json;
  }

  static std::optional<std::string> written_strictly(std::string_view text) {
    std::string json;
    try {
      detail::append_json_string(json, text);
    } catch (const std::domain_error&) {
      return std::nullopt;
    }
    return json;
  }

  static std::optional<std::string> written_by_nlohmann(std::string_view text) {
    try {
      return nlohmann::json(text).dump();
    } catch (const nlohmann::json::type_error&) {
      return std::nullopt;
    }
  }

  const char* difference(std::string_view text) {
    nlohmann::json document;
    const JsonReading reading = read_document(text, document);
    if (reading != JsonReading::too_large_number &&
        is_skipped(text) != (reading == JsonReading::json)) {
      return "what is read is not what is skipped";
    }
    const auto expected = nlohmann::json::parse(with_whole_pairs(text, memory_), nullptr, false);
    if (expected.is_discarded() != (reading != JsonReading::json)) {
      return expected.is_discarded() ? "only we take it" : "only nlohmann_json takes it";
    }
    if (reading != JsonReading::json) return nullptr;
    ++accepted_;
    if (!is_same_json(document, expected)) return "the documents differ";
    memory_.clear();
    detail::append_document(memory_, document);
    return memory_ == expected.dump() ? nullptr : "it is written differently";
  }

  std::string memory_;
  std::uint64_t accepted_ = 0;
};

}  // namespace mesh::test
