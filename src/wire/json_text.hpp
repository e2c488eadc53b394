#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

/// nlohmann's parser and serializer look at each character of a text by itself. Here texts are
/// copied whole where that gives the same.
namespace mesh::wire {

/// As `document.dump()`.
std::string to_json_text(const nlohmann::json& document);

/// As `nlohmann::json::parse(text)` for JSON without spaces, escapes, huge numbers and what is not
/// ASCII. Nothing for all else, valid or not.
std::optional<nlohmann::json> parse_plain_json(std::string_view text);

/// Appends a JSON string, as nlohmann writes it; `on_bad_utf8` says what becomes of bytes that are
/// not UTF-8.
void append_json_string(std::string& text, std::string_view string,
                        nlohmann::json::error_handler_t on_bad_utf8);

/// Whether the text stands for itself between quotes: printable ASCII without `"` and `\`.
bool needs_no_escapes(std::string_view text);

}  // namespace mesh::wire
