#include <wire/codec.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include <wire/envelope.hpp>
#include <wire/javascript.hpp>
#include <wire/json_text.hpp>
#include <wire/nesting.hpp>
#include <wire/salvage.hpp>
#include <wire/surrogates.hpp>

namespace mesh::wire {

namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::string_view no_handler_prefix = "MESH_NO_HANDLER:";
constexpr std::size_t longest_request_id = 256;  // a uuid has 36 characters
constexpr double longest_timeout_in_ms = 1e12;
// Timers of Node.js take what is longer for 1 ms.
constexpr milliseconds longest_timeout_on_the_wire{2147483647};

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

Json parse_object(std::string_view text, const MeshLimits& limits) {
  if (text.size() > limits.message_size) throw oversized(text.size());
  // The parser would take a zero byte for the end of the text.
  if (text.find('\0') != std::string_view::npos) throw Unreadable("a zero byte in the message");
  // The parser itself copes with any depth, but what handlers do with the value may recurse.
  if (is_nested_deeper(text, limits.nesting_depth)) {
    throw Unreadable("the nesting of a message exceeds MeshLimits::nesting_depth", true);
  }
  Json message = Json::parse(text, nullptr, false);
  if (message.is_discarded()) {
    if (const auto whole = replace_lone_surrogates(text)) {
      message = Json::parse(*whole, nullptr, false);
    }
  }
  if (message.is_discarded()) throw Unreadable("a message is not valid JSON");
  if (!message.is_object()) throw BadMessage("not a JSON object");
  return message;
}

bool has_truthy(const Json& message, const char* field) {
  const auto found = message.find(field);
  return found != message.end() && is_truthy(*found);
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

// A broadcast may come from nobody, or from who writes its name as a text, which the original hands
// on to handlers as it is.
InstanceId take_broadcast_sender(const Json& message) {
  const auto found = message.find("senderInstanceId");
  if (found == message.end() || found->is_null()) return 0;
  if (!found->is_string()) return take_instance_id(message);
  const double value = to_number(*found);
  const bool is_id = std::trunc(value) == value && std::abs(value) <= largest_exact_integer;
  return is_id ? static_cast<InstanceId>(value) : 0;
}

// Null is as good as absent. A timer of JavaScript takes 1 ms for what is less, or is no number.
std::optional<milliseconds> take_timeout(const Json& message) {
  const auto found = message.find("timeoutMs");
  if (found == message.end() || found->is_null()) return std::nullopt;
  const double value = std::clamp(to_number(*found), 1.0, longest_timeout_in_ms);
  return milliseconds(static_cast<std::int64_t>(std::ceil(value)));
}

NodeMessage classify(Json& message) {
  if (has_truthy(message, "heartbeat")) return Heartbeat{take_request_id(message)};
  if (has_truthy(message, "reply")) {
    Response response;
    response.request_id = take_request_id(message);
    response.data = take_data(message);
    if (const auto error = message.find("error"); error != message.end()) {
      response.error = to_text(*error);
    }
    return response;
  }
  Request request;
  request.request_id = take_request_id(message);
  request.sender = take_instance_id(message);
  request.type = take_string(message, "type");
  request.data = take_data(message);
  request.timeout = take_timeout(message);
  request.repeat = has_truthy(message, "repeat");
  return request;
}

// The same from a message that was split without a DOM. False where that has to decide.

bool take_data(Envelope& envelope, Json& data) {
  if (envelope.data_text.empty()) {
    data = std::move(envelope.data);
    return true;
  }
  // The parser would skip a byte order mark, which is none in the middle of a message.
  if (envelope.data_text.starts_with('\xEF')) return false;
  data = Json::parse(envelope.data_text, nullptr, false);
  return !data.is_discarded();
}

bool has_request_id(const Envelope& envelope) {
  return envelope.request_id && envelope.request_id->size() <= longest_request_id;
}

bool classify_response(Envelope& envelope, NodeMessage& message) {
  auto& response = message.emplace<Response>();
  if (!take_data(envelope, response.data)) return false;
  response.request_id = *envelope.request_id;
  if (envelope.error) response.error = *envelope.error;
  return true;
}

bool classify_request(Envelope& envelope, NodeMessage& message) {
  if (!envelope.sender || !envelope.type) return false;
  if (envelope.timeout && static_cast<double>(*envelope.timeout) > longest_timeout_in_ms) {
    return false;
  }
  auto& request = message.emplace<Request>();
  if (!take_data(envelope, request.data)) return false;
  request.request_id = *envelope.request_id;
  request.sender = *envelope.sender;
  request.type = *envelope.type;
  if (envelope.timeout) request.timeout = milliseconds(*envelope.timeout);
  request.repeat = envelope.repeat;
  return true;
}

bool classify(Envelope& envelope, NodeMessage& message) {
  if (!has_request_id(envelope)) return false;
  if (envelope.heartbeat) {
    // What else is in it matters only if it is not JSON.
    if (envelope.has_data) return false;
    message = Heartbeat{*envelope.request_id};
    return true;
  }
  return envelope.reply ? classify_response(envelope, message)
                        : classify_request(envelope, message);
}

bool scan(std::string_view text, const MeshLimits& limits, Envelope& envelope) {
  return text.size() <= limits.message_size && scan_envelope(text, limits.nesting_depth, envelope);
}

bool decode_quickly(std::string_view text, const MeshLimits& limits, NodeMessage& message) {
  Envelope envelope;
  return scan(text, limits, envelope) && classify(envelope, message);
}

std::optional<Broadcast> decode_broadcast_quickly(std::string_view text, const MeshLimits& limits) {
  Envelope envelope;
  const bool is_usual = scan(text, limits, envelope);
  if (!is_usual || !envelope.broadcast || !envelope.type) return std::nullopt;
  Broadcast broadcast;
  if (!take_data(envelope, broadcast.data)) return std::nullopt;
  broadcast.sender = envelope.sender.value_or(0);
  broadcast.type = *envelope.type;
  return broadcast;
}

NodeMessage decode_thoroughly(std::string_view text, const MeshLimits& limits) {
  Json message = parse_object(text, limits);
  return classify(message);
}

// `envelope` is what was salvaged of it.
Malformed describe_unreadable(Json envelope, std::size_t size, const Unreadable& error) {
  Malformed malformed{error.what(), error.exceeds_limit()};
  try {
    if (has_truthy(envelope, "heartbeat")) return malformed;
    const RequestId id = take_request_id(envelope);
    if (has_truthy(envelope, "reply")) {
      malformed.response = id;
    } else {
      Request request;
      request.request_id = id;
      request.sender = take_instance_id(envelope);
      request.timeout = take_timeout(envelope);
      request.repeat = has_truthy(envelope, "repeat");
      request.size = size;
      malformed.request = std::move(request);
    }
  } catch (const std::exception&) {
    // Nobody can be told.
  }
  return malformed;
}

/// Puts a message together. Room for names, numbers and short texts is made at first, so that they
/// can be written one after the other.
class MessageWriter {
 public:
  explicit MessageWriter(std::size_t size_of_texts, std::size_t size_of_data = 0,
                         std::string memory = {})
      : text_(std::move(memory)) {
    text_.clear();
    text_.reserve(size_of_texts + size_of_data + 2 * size_of_the_rest);
    make_room(size_of_texts + size_of_the_rest);
  }

  MessageWriter& raw(std::string_view text) {
    next_ = std::copy(text.begin(), text.end(), next_);
    return *this;
  }
  // Error texts come from arbitrary exceptions, so what is not UTF-8 is replaced, not refused.
  MessageWriter& quoted(std::string_view text) {
    if (needs_no_escapes(text)) return raw("\"").raw(text).raw("\"");
    return append([text](std::string& whole) {
      append_json_string(whole, text, Json::error_handler_t::replace);
    });
  }
  MessageWriter& number(std::int64_t value) {
    constexpr std::size_t most_characters = 20;
    next_ = std::to_chars(next_, next_ + most_characters, value).ptr;
    return *this;
  }
  MessageWriter& json(std::string_view data) {
    return append([data](std::string& whole) { whole += data; });
  }
  MessageWriter& json(const Json& data) {
    return append([&data](std::string& whole) { append_exact_json(whole, data); });
  }
  std::string take() {
    cut();
    return std::move(text_);
  }

 private:
  static constexpr std::size_t size_of_the_rest = 160;  // names of fields and numbers

  std::size_t written() const { return static_cast<std::size_t>(next_ - text_.data()); }

  void cut() { text_.resize(written()); }
  void make_room(std::size_t size) {
    const std::size_t before = text_.size();
    text_.resize(before + size);
    next_ = text_.data() + before;
  }

  // What is of any size. The room that was left may still be needed.
  template <typename Append>
  MessageWriter& append(Append append) {
    const std::size_t left = text_.size() - written();
    cut();
    append(text_);
    make_room(left);
    return *this;
  }

  std::string text_;
  char* next_ = nullptr;  // in the text
};

}  // namespace

NodeMessage decode_node_message(std::string_view text, const MeshLimits& limits) {
  NodeMessage message(std::in_place_type<Malformed>);
  try {
    if (!decode_quickly(text, limits, message)) message = decode_thoroughly(text, limits);
    if (auto* const request = std::get_if<Request>(&message)) request->size = text.size();
  } catch (const Unreadable& error) {
    message = describe_unreadable(salvage_envelope(text), text.size(), error);
  } catch (const std::exception& error) {
    message = Malformed{error.what()};
  }
  return message;
}

Malformed describe_oversized(std::string_view beginning, std::size_t size) {
  return describe_unreadable(salvage_beginning(beginning), beginning.size(), oversized(size));
}

BroadcastMessage decode_broadcast(std::string_view text, const MeshLimits& limits) {
  try {
    if (auto quick = decode_broadcast_quickly(text, limits)) return std::move(*quick);
    Json message = parse_object(text, limits);
    if (!has_truthy(message, "broadcast")) throw BadMessage("field broadcast is not true");
    Broadcast broadcast;
    broadcast.sender = take_broadcast_sender(message);
    broadcast.type = take_string(message, "type");
    broadcast.data = take_data(message);
    return broadcast;
  } catch (const std::exception& error) {
    return Malformed{error.what()};
  }
}

// `data` comes last, so that of a request that is too large its beginning tells all the rest.
std::string encode_request(std::string_view request_id, InstanceId sender, std::string_view type,
                           std::string_view data, milliseconds timeout, bool repeat,
                           std::string memory) {
  return MessageWriter(request_id.size() + type.size(), data.size(), std::move(memory))
      .raw(R"({"requestId":)")
      .quoted(request_id)
      .raw(R"(,"senderInstanceId":)")
      .number(sender)
      .raw(R"(,"type":)")
      .quoted(type)
      .raw(R"(,"timeoutMs":)")
      .number(std::min(timeout, longest_timeout_on_the_wire).count())
      .raw(repeat ? R"(,"repeat":true,"data":)" : R"(,"data":)")
      .json(data)
      .raw("}")
      .take();
}

std::string encode_response(std::string_view request_id, const Json& data) {
  std::string text = MessageWriter(request_id.size())
                         .raw(R"({"requestId":)")
                         .quoted(request_id)
                         .raw(R"(,"reply":true,"data":)")
                         .json(data)
                         .raw("}")
                         .take();
  // It is kept until it has arrived.
  constexpr std::size_t much = std::size_t{4} << 10U;
  if (text.capacity() - text.size() > much) text.shrink_to_fit();
  return text;
}

std::string encode_error(std::string_view request_id, std::string_view error) {
  return MessageWriter(request_id.size() + error.size())
      .raw(R"({"requestId":)")
      .quoted(request_id)
      .raw(R"(,"reply":true,"error":)")
      .quoted(error)
      .raw("}")
      .take();
}

std::string encode_heartbeat(std::string_view request_id) {
  return MessageWriter(request_id.size())
      .raw(R"({"requestId":)")
      .quoted(request_id)
      .raw(R"(,"heartbeat":true})")
      .take();
}

std::string encode_broadcast(InstanceId sender, std::string_view type, std::string_view data) {
  return MessageWriter(type.size(), data.size())
      .raw(R"({"broadcast":true,"senderInstanceId":)")
      .number(sender)
      .raw(R"(,"type":)")
      .quoted(type)
      .raw(R"(,"data":)")
      .json(data)
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
