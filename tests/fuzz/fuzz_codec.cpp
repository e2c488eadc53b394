#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <fuzz/require.hpp>
#include <support/same_message.hpp>
#include <wire/codec.hpp>

/// What is decoded can be encoded and decoded again and is the same then; nothing is thrown.
namespace mesh::fuzz {
namespace {

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

// Numbers may need more digits than they came with.
NodeMessage decode_again(const std::string& text) {
  return wire::decode_node_message(text, MeshLimits{});
}

struct RoundTrip {
  void operator()(const wire::Request& before) const {
    // What is longer than timers of Node.js take is not written.
    const auto timeout =
        std::min(before.timeout.value_or(milliseconds(1)), milliseconds(2147483647));
    require(timeout > milliseconds(0), "a timeout that is not positive");
    const NodeMessage again = decode_again(wire::encode_request(
        before.request_id.view(), before.sender, before.type, before.data.dump(), timeout));
    const auto& after = as<wire::Request>(again);
    require(after.request_id == before.request_id && after.sender == before.sender &&
                after.type == before.type && after.data == before.data && after.timeout == timeout,
            "a request changes");
  }
  void operator()(const wire::Response& before) const {
    const NodeMessage again =
        decode_again(before.error ? wire::encode_error(before.request_id.view(), *before.error)
                                  : wire::encode_response(before.request_id.view(), before.data));
    const auto& after = as<wire::Response>(again);
    require(after.request_id == before.request_id && after.error == before.error,
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
  void operator()(const wire::Malformed& message) const {
    require(!message.reason.empty(), "no reason");
  }
};

bool is_malformed(const auto& message) { return std::holds_alternative<wire::Malformed>(message); }

void check_node_message(std::string_view text) {
  const NodeMessage message = wire::decode_node_message(text, MeshLimits{});
  std::visit(RoundTrip{}, message);
  const bool has_zero = text.find('\0') != std::string_view::npos;
  require(!has_zero || is_malformed(message), "a zero byte is taken for the end");
  // A space behind it takes the way by way of a DOM.
  const NodeMessage by_dom = wire::decode_node_message(std::string(text) + " ", MeshLimits{});
  require(test::is_same_message(message, by_dom), "the two ways of decoding differ");
  const NodeMessage limited = wire::decode_node_message(text, small_limits());
  require(is_malformed(limited) || limited.index() == message.index(), "limits change the kind");
}

void check_broadcast(std::string_view text) {
  const auto message = wire::decode_broadcast(text, MeshLimits{});
  const auto by_dom = wire::decode_broadcast(std::string(text) + " ", MeshLimits{});
  require(test::is_same_message(message, by_dom), "the two ways of decoding a broadcast differ");
  const auto limited = wire::decode_broadcast(text, small_limits());
  require(is_malformed(limited) || limited.index() == message.index(), "limits change the kind");
  if (is_malformed(message)) return;
  const auto& before = std::get<wire::Broadcast>(message);
  const auto again = wire::decode_broadcast(
      wire::encode_broadcast(before.sender, before.type, before.data.dump()), MeshLimits{});
  require(!is_malformed(again), "a broadcast cannot be read again");
  const auto& after = std::get<wire::Broadcast>(again);
  require(after.sender == before.sender && after.type == before.type && after.data == before.data,
          "a broadcast changes");
}

/// Error texts come from anywhere, and yet what is sent must be a message.
void check_any_error_text(std::string_view text) {
  const NodeMessage message = decode_again(wire::encode_error("id", text));
  require(as<wire::Response>(message).error.has_value(), "an error text is lost");
}

}  // namespace
}  // namespace mesh::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  mesh::fuzz::check_node_message(text);
  mesh::fuzz::check_broadcast(text);
  mesh::fuzz::check_any_error_text(text);
  return 0;
}
