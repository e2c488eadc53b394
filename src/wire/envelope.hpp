#pragma once

#include <cstddef>
#include <string_view>

#include <wire/json_object.hpp>

namespace mesh::wire {

/// The fields of a message, each as it is written in the message, which must outlive them; nothing
/// for what is absent. Of fields that are there twice the last one counts.
struct Envelope {
  std::string_view request_id;
  std::string_view sender;
  std::string_view type;
  std::string_view timeout;
  std::string_view repeat;
  std::string_view owner;
  std::string_view reply;
  std::string_view heartbeat;
  std::string_view broadcast;
  std::string_view error;
  std::string_view code;
  std::string_view details;
  std::string_view executed;
  std::string_view accepts;
  std::string_view deadline;
  std::string_view headers;
  std::string_view cancel;
  std::string_view data;

  /// Where the field of that name is kept; null for unknown ones.
  std::string_view* find(std::string_view name);
};

/// Splits a message, an object, and checks that all of it is JSON.
JsonFinding read_envelope(std::string_view text, std::size_t most_levels, Envelope& envelope);

/// The same of what is too large, too deep, or no JSON: as far as it can be read, and without
/// `data`, which is passed over, whatever it is. Values that are not small and simple become `[]`,
/// which is wrong everywhere, or true. Nothing where the text does not end as a message does.
Envelope salvage_envelope(std::string_view text);

/// The same of the beginning of a message, as far as that goes.
Envelope salvage_beginning(std::string_view text);

}  // namespace mesh::wire
