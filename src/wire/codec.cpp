#include <wire/codec.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include <wire/envelope.hpp>
#include <wire/json_text.hpp>

namespace mesh::wire {

namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::string_view no_handler_prefix = "MESH_NO_HANDLER:";
constexpr std::size_t longest_request_id = 256;  // a uuid has 36 characters
constexpr double longest_timeout_in_ms = 1e12;
constexpr double largest_exact_integer = 9007199254740991.0;  // 2^53 - 1, JavaScript's limit

class BadMessage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The parser itself copes with any depth, but what handlers do with the value may recurse.
bool is_too_deep(std::string_view text, std::size_t limit) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > limit) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

Json parse_object(std::string_view text, const MeshLimits& limits) {
  if (text.size() > limits.message_size) {
    throw BadMessage("message of " + std::to_string(text.size()) + " bytes exceeds message_size");
  }
  // The parser would take a zero byte for the end of the text.
  if (text.find('\0') != std::string_view::npos) throw BadMessage("a zero byte in the message");
  if (is_too_deep(text, limits.nesting_depth)) throw BadMessage("nesting exceeds nesting_depth");
  Json message = Json::parse(text, nullptr, false);
  if (message.is_discarded()) throw BadMessage("not valid JSON");
  if (!message.is_object()) throw BadMessage("not a JSON object");
  return message;
}

// As JavaScript judges it.
bool is_truthy(const Json& message, const char* field) {
  const auto found = message.find(field);
  if (found == message.end()) return false;
  switch (found->type()) {
    case Json::value_t::null:
      return false;
    case Json::value_t::boolean:
      return found->get<bool>();
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return found->get<double>() != 0.0;
    case Json::value_t::string:
      return !found->get_ref<const std::string&>().empty();
    default:
      return true;
  }
}

std::string take_string(Json& message, const char* field) {
  const auto found = message.find(field);
  if (found == message.end()) throw BadMessage(std::string("field ") + field + " is missing");
  if (!found->is_string()) throw BadMessage(std::string("field ") + field + " is not a string");
  return std::move(found->get_ref<std::string&>());
}

// Ids are kept for a while, so they must not be of any length.
RequestId take_request_id(Json& message) {
  const std::string id = take_string(message, "requestId");
  if (id.size() > longest_request_id) throw BadMessage("field requestId is too long");
  return id;
}

InstanceId take_instance_id(const Json& message) {
  const auto found = message.find("senderInstanceId");
  if (found == message.end()) throw BadMessage("field senderInstanceId is missing");
  if (found->is_number()) {
    const double value = found->get<double>();
    if (std::trunc(value) == value && std::abs(value) <= largest_exact_integer) {
      return found->get<InstanceId>();
    }
  }
  throw BadMessage("field senderInstanceId is not an integer");
}

Json take_data(Json& message) {
  const auto found = message.find("data");
  return found == message.end() ? Json() : std::move(*found);
}

std::optional<milliseconds> take_timeout(const Json& message) {
  const auto found = message.find("timeoutMs");
  if (found == message.end()) return std::nullopt;
  const double value = found->is_number() ? found->get<double>() : -1.0;
  if (!(value > 0.0)) throw BadMessage("field timeoutMs is not a positive number");
  return milliseconds(static_cast<std::int64_t>(std::ceil(std::min(value, longest_timeout_in_ms))));
}

NodeMessage classify(Json& message) {
  if (is_truthy(message, "heartbeat")) return Heartbeat{take_request_id(message)};
  if (is_truthy(message, "reply")) {
    Response response;
    response.request_id = take_request_id(message);
    response.data = take_data(message);
    if (message.contains("error")) response.error = take_string(message, "error");
    return response;
  }
  Request request;
  request.request_id = take_request_id(message);
  request.sender = take_instance_id(message);
  request.type = take_string(message, "type");
  request.data = take_data(message);
  request.timeout = take_timeout(message);
  request.repeat = is_truthy(message, "repeat");
  return request;
}

// The same from a message that was split without a DOM. Nothing where that has to decide.

std::optional<Json> parse_data(const Envelope& envelope) {
  if (!envelope.data) return Json();
  // The parser would skip a byte order mark, which is none in the middle of a message.
  if (envelope.data->starts_with('\xEF')) return std::nullopt;
  if (auto plain = parse_plain_json(*envelope.data)) return plain;
  Json data = Json::parse(*envelope.data, nullptr, false);
  if (data.is_discarded()) return std::nullopt;
  return data;
}

bool has_request_id(const Envelope& envelope) {
  return envelope.request_id && envelope.request_id->size() <= longest_request_id;
}

std::optional<NodeMessage> classify_response(const Envelope& envelope) {
  auto data = parse_data(envelope);
  if (!data) return std::nullopt;
  Response response;
  response.request_id = *envelope.request_id;
  response.data = std::move(*data);
  if (envelope.error) response.error = *envelope.error;
  return response;
}

std::optional<NodeMessage> classify_request(const Envelope& envelope) {
  if (!envelope.sender || !envelope.type) return std::nullopt;
  if (envelope.timeout && static_cast<double>(*envelope.timeout) > longest_timeout_in_ms) {
    return std::nullopt;
  }
  auto data = parse_data(envelope);
  if (!data) return std::nullopt;
  Request request;
  request.request_id = *envelope.request_id;
  request.sender = *envelope.sender;
  request.type = *envelope.type;
  request.data = std::move(*data);
  if (envelope.timeout) request.timeout = milliseconds(*envelope.timeout);
  request.repeat = envelope.repeat;
  return request;
}

std::optional<NodeMessage> classify(const Envelope& envelope) {
  if (!has_request_id(envelope)) return std::nullopt;
  if (envelope.heartbeat) {
    // What else is in it matters only if it is not JSON.
    if (envelope.data) return std::nullopt;
    return Heartbeat{*envelope.request_id};
  }
  return envelope.reply ? classify_response(envelope) : classify_request(envelope);
}

std::optional<Envelope> scan(std::string_view text, const MeshLimits& limits) {
  if (text.size() > limits.message_size) return std::nullopt;
  return scan_envelope(text, limits.nesting_depth);
}

std::optional<NodeMessage> decode_quickly(std::string_view text, const MeshLimits& limits) {
  const auto envelope = scan(text, limits);
  return envelope ? classify(*envelope) : std::nullopt;
}

std::optional<Broadcast> decode_broadcast_quickly(std::string_view text, const MeshLimits& limits) {
  const auto envelope = scan(text, limits);
  if (!envelope || !envelope->broadcast || !envelope->sender || !envelope->type) {
    return std::nullopt;
  }
  auto data = parse_data(*envelope);
  if (!data) return std::nullopt;
  return Broadcast{*envelope->sender, std::string(*envelope->type), std::move(*data)};
}

NodeMessage decode_thoroughly(std::string_view text, const MeshLimits& limits) {
  Json message = parse_object(text, limits);
  return classify(message);
}

/// Puts a message together.
class Writer {
 public:
  explicit Writer(std::size_t size_of_values) { text_.reserve(size_of_values + size_of_the_rest); }

  Writer& raw(std::string_view text) {
    text_ += text;
    return *this;
  }
  // Error texts come from arbitrary exceptions, so what is not UTF-8 is replaced, not refused.
  Writer& quoted(std::string_view text) {
    append_json_string(text_, text, Json::error_handler_t::replace);
    return *this;
  }
  Writer& number(std::int64_t value) { return raw(std::to_string(value)); }
  std::string take() { return std::move(text_); }

 private:
  static constexpr std::size_t size_of_the_rest = 128;  // names of fields and numbers

  std::string text_;
};

}  // namespace

NodeMessage decode_node_message(std::string_view text, const MeshLimits& limits) {
  try {
    auto quick = decode_quickly(text, limits);
    NodeMessage result = quick ? std::move(*quick) : decode_thoroughly(text, limits);
    if (auto* const request = std::get_if<Request>(&result)) request->size = text.size();
    return result;
  } catch (const std::exception& error) {
    return Malformed{error.what()};
  }
}

BroadcastMessage decode_broadcast(std::string_view text, const MeshLimits& limits) {
  try {
    if (auto quick = decode_broadcast_quickly(text, limits)) return std::move(*quick);
    Json message = parse_object(text, limits);
    if (!is_truthy(message, "broadcast")) throw BadMessage("field broadcast is not true");
    Broadcast broadcast;
    broadcast.sender = take_instance_id(message);
    broadcast.type = take_string(message, "type");
    broadcast.data = take_data(message);
    return broadcast;
  } catch (const std::exception& error) {
    return Malformed{error.what()};
  }
}

std::string encode_request(std::string_view request_id, InstanceId sender, std::string_view type,
                           std::string_view data, milliseconds timeout, bool repeat) {
  return Writer(request_id.size() + type.size() + data.size())
      .raw(R"({"requestId":)")
      .quoted(request_id)
      .raw(R"(,"senderInstanceId":)")
      .number(sender)
      .raw(R"(,"type":)")
      .quoted(type)
      .raw(R"(,"data":)")
      .raw(data)
      .raw(R"(,"timeoutMs":)")
      .number(timeout.count())
      .raw(repeat ? R"(,"repeat":true})" : "}")
      .take();
}

std::string encode_response(std::string_view request_id, std::string_view data) {
  return Writer(request_id.size() + data.size())
      .raw(R"({"requestId":)")
      .quoted(request_id)
      .raw(R"(,"reply":true,"data":)")
      .raw(data)
      .raw("}")
      .take();
}

std::string encode_error(std::string_view request_id, std::string_view error) {
  return Writer(request_id.size() + error.size())
      .raw(R"({"requestId":)")
      .quoted(request_id)
      .raw(R"(,"reply":true,"error":)")
      .quoted(error)
      .raw("}")
      .take();
}

std::string encode_heartbeat(std::string_view request_id) {
  return Writer(request_id.size())
      .raw(R"({"requestId":)")
      .quoted(request_id)
      .raw(R"(,"heartbeat":true})")
      .take();
}

std::string encode_broadcast(InstanceId sender, std::string_view type, std::string_view data) {
  return Writer(type.size() + data.size())
      .raw(R"({"broadcast":true,"senderInstanceId":)")
      .number(sender)
      .raw(R"(,"type":)")
      .quoted(type)
      .raw(R"(,"data":)")
      .raw(data)
      .raw("}")
      .take();
}

std::string no_handler_error(std::string_view type) {
  return std::string(no_handler_prefix).append(type);
}

std::optional<std::string> parse_no_handler_error(std::string_view error) {
  if (!error.starts_with(no_handler_prefix)) return std::nullopt;
  return std::string(error.substr(no_handler_prefix.size()));
}

}  // namespace mesh::wire
