#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mesh::wire {

/// The fields of a message as slices of its text, which must outlive them.
struct Envelope {
  std::optional<std::string_view> request_id;
  std::optional<std::string_view> type;
  std::optional<std::string_view> error;
  std::optional<std::string_view> data;  ///< JSON text, not checked yet
  std::optional<std::int64_t> sender;
  std::optional<std::int64_t> timeout;  ///< in ms, above 0
  bool reply = false;
  bool heartbeat = false;
  bool broadcast = false;
  bool repeat = false;
};

/// Splits a message of the usual form without a DOM: only known fields, each once, no spaces, and
/// texts that need no escapes. Nothing if it has another form, which may be valid as well. If
/// `data` is valid JSON, then so is the whole.
std::optional<Envelope> scan_envelope(std::string_view text, std::size_t nesting_depth);

}  // namespace mesh::wire
