#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

/// nlohmann's parser and serializer look at each character of a text by itself. Here texts are
/// copied whole where that gives the same.
namespace mesh::wire {

/// As `document.dump()`.
std::string to_json_text(const nlohmann::json& document);
/// The same at the end of a text. Throws `std::domain_error` for what JSON does not have and
/// `dump()` replaces: numbers that are not finite would become null.
void append_exact_json(std::string& text, const nlohmann::json& document);

/// Parses the JSON value that the text begins with, if it is plain: without spaces, escapes, huge
/// numbers and what is not ASCII, and with no more than `most_levels` arrays and objects in each
/// other. Returns the size of its text; 0 for all else, valid or not, when `value` is null.
std::size_t parse_plain_prefix(std::string_view text, std::size_t most_levels,
                               nlohmann::json& value);

/// Appends a JSON string, as nlohmann writes it; `on_bad_utf8` says what becomes of bytes that are
/// not UTF-8.
void append_json_string(std::string& text, std::string_view string,
                        nlohmann::json::error_handler_t on_bad_utf8);

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Whether the text stands for itself between quotes: printable ASCII without `"` and `\`.
bool needs_no_escapes(std::string_view text);

}  // namespace mesh::wire
