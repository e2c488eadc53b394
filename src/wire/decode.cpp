#include <wire/decode.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>

#include <wire/envelope.hpp>
#include <wire/field_limits.hpp>
#include <wire/header_limits.hpp>
#include <wire/javascript.hpp>
#include <wire/json_bytes.hpp>
#include <wire/json_string.hpp>

namespace mesh::wire {

namespace {

using std::chrono::milliseconds;

class BadMessage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The whole is no JSON or exceeds a limit, though its envelope may be readable.
class Unreadable : public BadMessage {
 public:
  explicit Unreadable(const std::string& reason, bool exceeds_limit = false)
      : BadMessage(reason), exceeds_limit_(exceeds_limit) {}

  bool exceeds_limit() const noexcept { return exceeds_limit_; }

 private:
  bool exceeds_limit_;
};

Unreadable oversized(std::size_t size) {
  return Unreadable(
      "a message of " + std::to_string(size) + " bytes exceeds MeshLimits::message_size", true);
}

Envelope open_envelope(std::string_view text, const MeshLimits& limits) {
  if (text.size() > limits.message_size) throw oversized(text.size());
  Envelope envelope;
  const JsonFinding fault = read_envelope(text, limits.nesting_depth, envelope);
  if (fault.verdict == JsonVerdict::too_deep) {
    throw Unreadable("the nesting of a message exceeds MeshLimits::nesting_depth", true);
  }
  if (fault.verdict == JsonVerdict::no_json) {
    throw Unreadable("a message is not a JSON object, as byte " + std::to_string(fault.place) +
                     " shows");
  }
  return envelope;
}

BadMessage bad_field(const char* field, std::string_view value, const char* expected) {
  const bool is_missing = value.empty();
  return BadMessage(std::string("field ") + field + (is_missing ? " is missing" : expected));
}

std::string take_string(const char* field, std::string_view value) {
  if (!value.starts_with('"')) throw bad_field(field, value, " is not a string");
  const std::string_view written = value.substr(1, value.size() - 2);
  if (written.find('\\') == std::string_view::npos) return std::string(written);
  return unescape({written, true});
}

// Ids are kept for a while, so they must not be of any length.
RequestId take_request_id(std::string_view value) {
  const std::string_view written = value.size() > 2 ? value.substr(1, value.size() - 2) : "";
  if (value.starts_with('"') && written.size() <= longest_request_id &&
      written.find('\\') == std::string_view::npos) {
    return written;
  }
  const std::string id = take_string("requestId", value);
  if (id.size() > longest_request_id) throw BadMessage("field requestId is too long");
  return id;
}

/// Of what is no more than digits, and few; nothing else.
std::optional<std::int64_t> take_short_integer(std::string_view value) {
  if (value.empty() || value.size() > most_exact_digits) return std::nullopt;
  std::int64_t number = 0;
  const char* const end = value.data() + value.size();
  const auto result = std::from_chars(value.data(), end, number);
  return result.ec == std::errc() && result.ptr == end ? std::optional(number) : std::nullopt;
}

std::optional<InstanceId> to_instance_id(double value) {
  const bool is_id = std::trunc(value) == value && std::abs(value) <= largest_exact_integer;
  return is_id ? std::optional(static_cast<InstanceId>(value)) : std::nullopt;
}

InstanceId take_instance_id(std::string_view value) {
  if (const auto usual = take_short_integer(value)) return *usual;
  const bool is_number = value.starts_with('-') || (!value.empty() && is_digit(value.front()));
  const auto id = is_number ? to_instance_id(to_number(value)) : std::nullopt;
  if (!id) throw bad_field("senderInstanceId", value, " is not an integer");
  return *id;
}

std::string_view take_data(std::string_view value) { return value.empty() ? "null" : value; }

// A broadcast may come from nobody, or from who writes its name as a text, which the original hands
// on to handlers as it is.
InstanceId take_broadcast_sender(std::string_view value) {
  if (value.empty() || value == "null") return 0;
  if (!value.starts_with('"')) return take_instance_id(value);
  return to_instance_id(to_number(value)).value_or(0);
}

// Null is as good as absent. A timer of JavaScript takes 1 ms for what is less, or is no number.
std::optional<milliseconds> take_timeout(std::string_view value) {
  if (value.empty() || value == "null") return std::nullopt;
  if (const auto usual = take_short_integer(value); usual && *usual > 0) {
    return milliseconds(std::min(*usual, longest_time_in_ms));
  }
  const double time = std::clamp(to_number(value), 1.0, static_cast<double>(longest_time_in_ms));
  return milliseconds(static_cast<std::int64_t>(std::ceil(time)));
}

// New fields that are not as they should be are as good as absent.

unsigned take_accepts(std::string_view value) {
  const auto number = take_short_integer(value);
  return number && *number > 0 ? static_cast<unsigned>(*number & known_accepts) : 0;
}

std::string take_text_or_nothing(std::string_view value) {
  return value.starts_with('"') ? take_string("", value) : std::string();
}

std::optional<Executed> take_executed(std::string_view value) {
  if (value == R"("no")") return Executed::no;
  if (value == R"("maybe")") return Executed::maybe;
  return std::nullopt;
}

std::optional<milliseconds> take_deadline(std::string_view value) {
  const auto number = take_short_integer(value);
  if (!number) return std::nullopt;
  return milliseconds(std::clamp(*number, std::int64_t{0}, longest_time_in_ms));
}

Headers take_headers(std::string_view value) {
  Headers headers;
  constexpr auto any_depth = std::numeric_limits<std::size_t>::max();
  read_object(value, any_depth, [&headers](std::string_view name, std::string_view text) {
    const bool fits = headers.size() < most_headers && name.size() <= longest_header &&
                      is_header_name(name) && text.starts_with('"');
    if (!fits) return;
    std::string taken = take_string("", text);
    if (taken.size() <= longest_header) headers.insert_or_assign(std::string(name), taken);
  });
  return headers;
}

Response take_response(const Envelope& envelope) {
  Response response;
  response.request_id = take_request_id(envelope.request_id);
  response.data = take_data(envelope.data);
  if (envelope.error.empty()) return response;
  response.error = to_text(envelope.error);
  response.code = take_text_or_nothing(envelope.code);
  response.details = std::string(envelope.details);
  response.executed = take_executed(envelope.executed);
  return response;
}

/// Without its type and data.
Request take_request_head(const Envelope& envelope, std::size_t size) {
  Request request;
  request.request_id = take_request_id(envelope.request_id);
  request.sender = take_instance_id(envelope.sender);
  request.timeout = take_timeout(envelope.timeout);
  request.repeat = is_truthy(envelope.repeat);
  request.owner = take_text_or_nothing(envelope.owner);
  request.accepts = take_accepts(envelope.accepts);
  request.deadline = take_deadline(envelope.deadline);
  request.size = size;
  return request;
}

NodeMessage classify(const Envelope& envelope, std::size_t size) {
  if (is_truthy(envelope.heartbeat)) return Heartbeat{take_request_id(envelope.request_id)};
  if (is_truthy(envelope.reply)) return take_response(envelope);
  if (is_truthy(envelope.cancel)) return Cancel{take_request_id(envelope.request_id)};
  Request request = take_request_head(envelope, size);
  if (!envelope.headers.empty()) request.headers = take_headers(envelope.headers);
  request.type = take_string("type", envelope.type);
  request.data = take_data(envelope.data);
  return request;
}

Malformed describe_unreadable(const Envelope& salvaged, std::size_t size, const Unreadable& error) {
  Malformed malformed{error.what(), error.exceeds_limit()};
  try {
    if (is_truthy(salvaged.heartbeat) || is_truthy(salvaged.cancel)) return malformed;
    if (is_truthy(salvaged.reply)) {
      malformed.response = take_request_id(salvaged.request_id);
    } else {
      malformed.request = take_request_head(salvaged, size);
    }
  } catch (const BadMessage&) {
    // Nobody can be told.
  }
  return malformed;
}

NodeMessage to_response(const UsualMessage& usual) {
  NodeMessage message(std::in_place_type<Response>);
  auto& response = std::get<Response>(message);
  response.request_id = usual.request_id;
  response.data = usual.data;
  return message;
}

NodeMessage to_request(const UsualMessage& usual, std::size_t size) {
  NodeMessage message(std::in_place_type<Request>);
  auto& request = std::get<Request>(message);
  request.request_id = usual.request_id;
  request.sender = usual.sender;
  request.type = usual.type;
  request.data = usual.data;
  request.timeout = milliseconds(std::min(usual.timeout_in_ms, longest_time_in_ms));
  request.repeat = usual.repeat;
  request.size = size;
  request.accepts = static_cast<unsigned>(usual.accepts & known_accepts);
  if (usual.deadline_in_ms) {
    request.deadline = milliseconds(std::min(*usual.deadline_in_ms, longest_time_in_ms));
  }
  return message;
}

}  // namespace

NodeMessage decode_node_message(std::string_view text, const MeshLimits& limits,
                                LastRequest& last) {
  try {
    UsualMessage usual;
    if (read_usual_message(text, limits, last, usual)) {
      return usual.is_response ? to_response(usual) : to_request(usual, text.size());
    }
    return classify(open_envelope(text, limits), text.size());
  } catch (const Unreadable& error) {
    return describe_unreadable(salvage_envelope(text), text.size(), error);
  } catch (const std::exception& error) {
    return Malformed{error.what()};
  }
}

Malformed describe_oversized(std::string_view beginning, std::size_t size) {
  return describe_unreadable(salvage_beginning(beginning), beginning.size(), oversized(size));
}

std::optional<NodeEvent> decode_event(std::string_view text) {
  constexpr std::size_t most_levels = 64;
  NodeEvent event;
  const auto found =
      read_object(text, most_levels, [&event](std::string_view name, std::string_view value) {
        if (name == "joined") event.joined = take_short_integer(value);
        if (name == "changed") event.changed = take_short_integer(value);
        if (name == "left") event.left = take_short_integer(value);
        if (name == "change") event.change = take_short_integer(value);
        if (name == "info") event.record = decode_node_record(value);
      });
  return found.verdict == JsonVerdict::good ? std::optional(event) : std::nullopt;
}

BroadcastMessage decode_broadcast(std::string_view text, const MeshLimits& limits) {
  try {
    const Envelope envelope = open_envelope(text, limits);
    if (!is_truthy(envelope.broadcast)) throw BadMessage("field broadcast is not true");
    Broadcast broadcast;
    broadcast.sender = take_broadcast_sender(envelope.sender);
    broadcast.type = take_string("type", envelope.type);
    broadcast.data = take_data(envelope.data);
    return broadcast;
  } catch (const std::exception& error) {
    return Malformed{error.what()};
  }
}

}  // namespace mesh::wire
