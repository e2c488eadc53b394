#include <wire/codec.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <utility>

namespace mesh::wire {

namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::string_view no_handler_prefix = "MESH_NO_HANDLER:";
constexpr std::size_t longest_request_id = 256;               // a uuid has 36 characters
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
std::string take_request_id(Json& message) {
  std::string id = take_string(message, "requestId");
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
  constexpr double longest = 1e12;
  const auto found = message.find("timeoutMs");
  if (found == message.end()) return std::nullopt;
  const double value = found->is_number() ? found->get<double>() : -1.0;
  if (!(value > 0.0)) throw BadMessage("field timeoutMs is not a positive number");
  return milliseconds(static_cast<std::int64_t>(std::ceil(std::min(value, longest))));
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

// Error texts come from arbitrary exceptions, so what is not UTF-8 is replaced rather than refused.
std::string quote(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string concat(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string text;
  text.reserve(size);
  for (const std::string_view part : parts) text += part;
  return text;
}

}  // namespace

NodeMessage decode_node_message(std::string_view text, const MeshLimits& limits) {
  try {
    Json message = parse_object(text, limits);
    NodeMessage result = classify(message);
    if (auto* const request = std::get_if<Request>(&result)) request->size = text.size();
    return result;
  } catch (const std::exception& error) {
    return Malformed{error.what()};
  }
}

BroadcastMessage decode_broadcast(std::string_view text, const MeshLimits& limits) {
  try {
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
  return concat({R"({"requestId":)", quote(request_id), R"(,"senderInstanceId":)",
                 std::to_string(sender), R"(,"type":)", quote(type), R"(,"data":)", data,
                 R"(,"timeoutMs":)", std::to_string(timeout.count()),
                 repeat ? R"(,"repeat":true})" : "}"});
}

std::string encode_response(std::string_view request_id, std::string_view data) {
  return concat({R"({"requestId":)", quote(request_id), R"(,"reply":true,"data":)", data, "}"});
}

std::string encode_error(std::string_view request_id, std::string_view error) {
  return concat(
      {R"({"requestId":)", quote(request_id), R"(,"reply":true,"error":)", quote(error), "}"});
}

std::string encode_heartbeat(std::string_view request_id) {
  return concat({R"({"requestId":)", quote(request_id), R"(,"heartbeat":true})"});
}

std::string encode_broadcast(InstanceId sender, std::string_view type, std::string_view data) {
  return concat({R"({"broadcast":true,"senderInstanceId":)", std::to_string(sender), R"(,"type":)",
                 quote(type), R"(,"data":)", data, "}"});
}

std::string no_handler_error(std::string_view type) { return concat({no_handler_prefix, type}); }

std::optional<std::string> parse_no_handler_error(std::string_view error) {
  if (!error.starts_with(no_handler_prefix)) return std::nullopt;
  return std::string(error.substr(no_handler_prefix.size()));
}

}  // namespace mesh::wire
