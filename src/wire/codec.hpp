#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <nlohmann/json.hpp>

#include <mesh/node.hpp>
#include <mesh/options.hpp>

#include <util/request_id.hpp>

/// The JSON messages on the channels, without any I/O. Field names and the order of the tests on a
/// received message are those of the TypeScript original: see docs/protocol.md.
namespace mesh::wire {

struct Request {
  RequestId request_id;
  InstanceId sender = 0;
  std::string type;
  nlohmann::json data;
  std::optional<std::chrono::milliseconds> timeout;
  bool repeat = false;   // it may have been sent before
  std::size_t size = 0;  // of the text it was decoded from
};

struct Response {
  RequestId request_id;
  nlohmann::json data;
  std::optional<std::string> error;  // present, even empty, means failure
};

struct Heartbeat {
  RequestId request_id;
};

struct Broadcast {
  InstanceId sender = 0;  // 0: it does not say
  std::string type;
  nlohmann::json data;
};

struct Malformed {
  std::string reason;
  bool exceeds_limit = false;
  // Of a message of a node that is no JSON or exceeds a limit, as far as it can be read, so that
  // who waits for an answer need not wait for the timeout:
  std::optional<Request> request{};     // without its type and data
  std::optional<RequestId> response{};  // the call that it is for
};

using NodeMessage = std::variant<Request, Response, Heartbeat, Malformed>;
using BroadcastMessage = std::variant<Broadcast, Malformed>;

/// Both never throw for bad input; limits are `message_size` and `nesting_depth`.
NodeMessage decode_node_message(std::string_view text, const MeshLimits& limits);
BroadcastMessage decode_broadcast(std::string_view text, const MeshLimits& limits);

/// Of a message of a node that exceeds `message_size`, and of which only the beginning was kept.
Malformed describe_oversized(std::string_view beginning, std::size_t size);

/// Text in `data` is JSON and is copied as it is. A timeout above 2^31 - 1 ms is written as that.
/// The memory of `memory` is used again.
std::string encode_request(std::string_view request_id, InstanceId sender, std::string_view type,
                           std::string_view data, std::chrono::milliseconds timeout,
                           bool repeat = false, std::string memory = {});
/// Throws as `nlohmann::json::dump()` for what is not UTF-8, and for numbers that are not finite.
std::string encode_response(std::string_view request_id, const nlohmann::json& data);
std::string encode_error(std::string_view request_id, std::string_view error);
std::string encode_heartbeat(std::string_view request_id);
std::string encode_broadcast(InstanceId sender, std::string_view type, std::string_view data);

/// The `error` text that means "no handler for this type", and its inverse.
std::string no_handler_error(std::string_view type);
std::optional<std::string> parse_no_handler_error(std::string_view error);

}  // namespace mesh::wire
