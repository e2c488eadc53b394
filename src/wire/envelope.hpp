#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace mesh::wire {

/// The fields of a message. Texts are slices of its own, which must outlive them.
struct Envelope {
  std::optional<std::string_view> request_id;
  std::optional<std::string_view> type;
  std::optional<std::string_view> error;
  bool has_data = false;
  nlohmann::json data;         ///< If it is plain: see `parse_plain_prefix()`.
  std::string_view data_text;  ///< Otherwise: JSON text, not checked yet.
  std::optional<std::int64_t> sender;
  std::optional<std::int64_t> timeout;  ///< in ms, above 0
  bool reply = false;
  bool heartbeat = false;
  bool broadcast = false;
  bool repeat = false;
};

/// Splits a message of the usual form: only known fields, each once, no spaces, and texts that need
/// no escapes. False if it has another form, which may be valid as well. The whole is valid JSON
/// if `data_text` is, or is empty.
bool scan_envelope(std::string_view text, std::size_t nesting_depth, Envelope& envelope);

}  // namespace mesh::wire
