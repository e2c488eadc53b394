#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <nlohmann/json.hpp>

#include <fuzz/require.hpp>
#include <support/json_comparison.hpp>
#include <support/same_message.hpp>
#include <wire/decode.hpp>
#include <wire/encode.hpp>
#include <wire/envelope.hpp>
#include <wire/frame.hpp>

/// What is decoded is what nlohmann_json reads, and can be encoded and decoded again and is the
/// same then; nothing is thrown.
namespace mesh::fuzz {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using wire::NodeMessage;

MeshLimits small_limits() {
  MeshLimits limits;
  limits.message_size = 256;
  limits.nesting_depth = 4;
  return limits;
}

template <typename Message>
const Message& as(const NodeMessage& message) {
  const auto* const found = std::get_if<Message>(&message);
  require(found != nullptr, "the kind of a message changes");
  return *found;
}

// Texts may need more bytes than they came with.
NodeMessage decode_again(const std::string& text) {
  return wire::decode_node_message(text, MeshLimits{});
}

struct RoundTrip {
  void operator()(const wire::Request& before) const {
    // What is longer than timers of Node.js take is not written.
    const auto timeout =
        std::min(before.timeout.value_or(milliseconds(1)), milliseconds(2147483647));
    require(timeout > milliseconds(0), "a timeout that is not positive");
    const std::string headers =
        before.headers.empty() ? std::string() : wire::encode_headers(before.headers);
    const NodeMessage again =
        decode_again(wire::encode_request({.request_id = before.request_id.view(),
                                           .sender = before.sender,
                                           .type = before.type,
                                           .data = before.data,
                                           .timeout = timeout,
                                           .repeat = before.repeat,
                                           .accepts = before.accepts,
                                           .deadline = before.deadline,
                                           .headers = headers}));
    wire::Request expected = before;
    expected.timeout = timeout;
    require(test::SameMessage()(as<wire::Request>(again), expected), "a request changes");
  }
  void operator()(const wire::Response& before) const {
    const std::string_view id = before.request_id.view();
    const std::string text =
        before.error ? wire::encode_failure(
                           id, {*before.error, before.code, before.details, before.executed})
                     : wire::encode_response(id, before.data);
    const NodeMessage again = decode_again(text);
    const auto& after = as<wire::Response>(again);
    require(after.request_id == before.request_id && after.error == before.error &&
                after.code == before.code && after.details == before.details &&
                after.executed == before.executed,
            "a response changes");
    require(before.error || after.data == before.data, "the data of a response change");
    if (!before.error) return;
    const auto type = wire::parse_no_handler_error(*before.error);
    require(!type || wire::no_handler_error(*type) == *before.error, "a missing handler's type");
  }
  void operator()(const wire::Heartbeat& before) const {
    const NodeMessage again = decode_again(wire::encode_heartbeat(before.request_id.view()));
    require(as<wire::Heartbeat>(again).request_id == before.request_id, "a heartbeat changes");
  }
  void operator()(const wire::Cancel& before) const {
    const NodeMessage again = decode_again(wire::encode_cancel(before.request_id.view()));
    require(as<wire::Cancel>(again).request_id == before.request_id, "a cancel changes");
  }
  void operator()(const wire::Malformed& message) const {
    require(!message.reason.empty(), "no reason");
  }
};

Json parse(std::string_view text) {
  std::string memory;
  return Json::parse(test::with_whole_pairs(text, memory), nullptr, false);
}

/// The message as nlohmann_json reads it. Nothing if it is none, or has a number beyond any double,
/// which only those refuse who read the number.
std::optional<Json> check_envelope(std::string_view text) {
  constexpr std::array<std::string_view, 17> names{
      "requestId", "senderInstanceId", "type",       "timeoutMs", "repeat", "reply",
      "heartbeat", "broadcast",        "error",      "data",      "code",   "details",
      "executed",  "accepts",          "deadlineMs", "headers",   "cancel"};
  wire::Envelope envelope;
  constexpr auto any_depth = std::numeric_limits<std::size_t>::max();
  const auto verdict = wire::read_envelope(text, any_depth, envelope).verdict;
  const bool is_taken = verdict == wire::JsonVerdict::good;
  if (text.starts_with("\xEF\xBB\xBF") || text.find('\0') != std::string_view::npos) {
    require(!is_taken, "a zero byte or a mark of the byte order is taken");
    return std::nullopt;
  }
  const Json document = parse(text);
  require(is_taken || !document.is_object(), "only nlohmann_json takes an object");
  if (!is_taken) return std::nullopt;
  if (document.is_discarded()) {
    Json unused;
    require(test::read_document(text, unused) == test::JsonReading::too_large_number,
            "nlohmann_json does not take an object");
    return std::nullopt;
  }
  for (const std::string_view name : names) {
    const std::string_view written = *envelope.find(name);
    const auto field = document.find(name);
    require(written.empty() == (field == document.end()), "a field is lost or made up");
    require(written.empty() || test::is_same_json(parse(written), *field), "a field differs");
  }
  return document;
}

/// The fields of a decoded message are those of its document.
struct FieldCheck {
  const Json& document;

  bool has_id(const RequestId& id) const { return document.at("requestId") == id.view(); }
  bool has_sender(InstanceId sender) const { return document.at("senderInstanceId") == sender; }
  bool has_data(std::string_view data) const {
    return test::is_same_json(parse(data), document.value("data", Json()));
  }

  void operator()(const wire::Request& request) const {
    require(has_id(request.request_id) && has_sender(request.sender) && has_data(request.data) &&
                document.at("type") == request.type,
            "a request is not what was sent");
  }
  void operator()(const wire::Response& response) const {
    require(has_id(response.request_id) && has_data(response.data) &&
                response.error.has_value() == document.contains("error"),
            "a response is not what was sent");
  }
  void operator()(const wire::Heartbeat& heartbeat) const {
    require(has_id(heartbeat.request_id), "a heartbeat is not what was sent");
  }
  void operator()(const wire::Cancel& cancel) const {
    require(has_id(cancel.request_id), "a cancel is not what was sent");
  }
  void operator()(const wire::Broadcast& broadcast) const {
    const auto sender = document.find("senderInstanceId");
    require(sender == document.end() || !sender->is_number() || has_sender(broadcast.sender),
            "a broadcast is from somebody else");
    require(has_data(broadcast.data) && document.at("type") == broadcast.type,
            "a broadcast is not what was sent");
  }
  void operator()(const wire::Malformed& /*malformed*/) const {}
};

bool is_malformed(const auto& message) { return std::holds_alternative<wire::Malformed>(message); }

/// Of what is too large, the same is known as if it were not.
void check_salvage(std::string_view text, const NodeMessage& message) {
  constexpr std::size_t largest_field = 2048;
  if (is_malformed(message) || text.size() > largest_field) return;
  MeshLimits limits;
  limits.message_size = text.size() - 1;
  const NodeMessage too_large = wire::decode_node_message(text, limits);
  const auto& salvaged = as<wire::Malformed>(too_large);
  const auto* const request = std::get_if<wire::Request>(&message);
  const auto* const response = std::get_if<wire::Response>(&message);
  require(salvaged.request.has_value() == (request != nullptr) &&
              salvaged.response.has_value() == (response != nullptr),
          "another kind is salvaged");
  require(response == nullptr || *salvaged.response == response->request_id,
          "another response is salvaged");
  require(request == nullptr || (salvaged.request->request_id == request->request_id &&
                                 salvaged.request->sender == request->sender &&
                                 salvaged.request->timeout == request->timeout &&
                                 salvaged.request->repeat == request->repeat),
          "another request is salvaged");
}

void check_node_message(std::string_view text, const std::optional<Json>& document) {
  static wire::LastRequest last;  // of the inputs before
  const NodeMessage message = wire::decode_node_message(text, MeshLimits{}, last);
  std::visit(RoundTrip{}, message);
  if (document) std::visit(FieldCheck{*document}, message);
  check_salvage(text, message);
  const std::string spaced_text = " " + std::string(text) + "\r\n";
  const auto spaced = wire::decode_node_message(spaced_text, MeshLimits{});
  require(test::is_same_message(message, spaced), "spaces around a message change it");
  const NodeMessage limited = wire::decode_node_message(text, small_limits());
  require(is_malformed(limited) || limited.index() == message.index(), "limits change the kind");
}

void check_broadcast(std::string_view text, const std::optional<Json>& document) {
  const auto message = wire::decode_broadcast(text, MeshLimits{});
  if (document) std::visit(FieldCheck{*document}, message);
  const auto limited = wire::decode_broadcast(text, small_limits());
  require(is_malformed(limited) || limited.index() == message.index(), "limits change the kind");
  if (is_malformed(message)) return;
  const auto& before = std::get<wire::Broadcast>(message);
  const auto again = wire::decode_broadcast(
      wire::encode_broadcast(before.sender, before.type, before.data), MeshLimits{});
  require(!is_malformed(again), "a broadcast cannot be read again");
  require(test::is_same_message(message, again), "a broadcast changes");
}

/// Error texts come from anywhere, and yet what is sent must be a message.
void check_any_error_text(std::string_view text) {
  const NodeMessage message = decode_again(wire::encode_error("id", text));
  require(as<wire::Response>(message).error.has_value(), "an error text is lost");
}

/// What is read of a frame makes the same frame.
void check_frame(std::string_view text) {
  if (!wire::is_frame(text)) return;
  require(is_malformed(wire::decode_node_message(text, MeshLimits{})), "a frame is a message");
  wire::FrameReader reader(text);
  wire::FrameWriter writer;
  while (const auto message = reader.next()) writer.add(*message);
  if (writer.messages() < 2) return;
  wire::FrameReader again(writer.text());
  wire::FrameReader before(text);
  while (const auto message = before.next()) require(again.next() == message, "a message changes");
  require(again.is_at_end(), "a frame is broken");
}

}  // namespace
}  // namespace mesh::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = mesh::fuzz::check_envelope(text);
  mesh::fuzz::check_node_message(text, document);
  mesh::fuzz::check_broadcast(text, document);
  mesh::fuzz::check_any_error_text(text);
  mesh::fuzz::check_frame(text);
  static_cast<void>(mesh::wire::decode_event(text));
  return 0;
}
