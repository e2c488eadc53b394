#include <wire/javascript.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <wire/json_bytes.hpp>
#include <wire/json_lexer.hpp>
#include <wire/json_number.hpp>
#include <wire/json_string.hpp>

namespace mesh::wire {

namespace {

bool is_number(std::string_view value) {
  return !value.empty() && (value.front() == '-' || is_digit(value.front()));
}

std::optional<double> parse_number(std::string_view text) {
  JsonLexer lexer(text);
  lexer.skip_space();
  JsonNumber number;
  if (!lexer.take_number(number)) return std::nullopt;
  lexer.skip_space();
  if (!lexer.is_at_end()) return std::nullopt;
  return to_double(number);
}

std::optional<std::string> parse_string(std::string_view value) {
  JsonString string;
  if (!JsonLexer(value).take_string(string)) return std::nullopt;
  return unescape(string);
}

}  // namespace

bool is_truthy(std::string_view value) {
  if (value.empty() || value == "false" || value == "null") return false;
  if (value.front() == '"') return value.size() > 2;
  return !is_number(value) || to_number(value) != 0.0;
}

double to_number(std::string_view value) {
  if (value == "true") return 1.0;
  if (is_number(value)) return parse_number(value).value_or(0.0);
  constexpr std::size_t most_characters = 64;
  const auto text = value.size() <= 2 + 6 * most_characters ? parse_string(value) : std::nullopt;
  if (!text || text->size() > most_characters) return 0.0;
  return parse_number(*text).value_or(0.0);
}

std::string to_text(std::string_view value) {
  if (auto text = parse_string(value)) return std::move(*text);
  if (is_number(value)) {
    const double number = to_number(value);
    if (std::trunc(number) == number && std::abs(number) <= largest_exact_integer) {
      return std::to_string(static_cast<std::int64_t>(number));
    }
  }
  return std::string(value);
}

}  // namespace mesh::wire
