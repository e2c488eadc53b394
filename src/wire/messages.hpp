#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <mesh/errors.hpp>
#include <mesh/headers.hpp>
#include <mesh/node.hpp>

#include <util/request_id.hpp>
#include <wire/node_info.hpp>

/// The JSON messages on the channels, without any I/O: see docs/protocol.md. What they are about,
/// their `data`, is JSON text here, which only those read who know its type.
namespace mesh::wire {

struct Request {
  RequestId request_id;
  InstanceId sender = 0;
  std::string type;
  std::string data;
  std::optional<std::chrono::milliseconds> timeout;
  bool repeat = false;   // it may have been sent before
  std::string owner{};   // of the target's id, if it is for nobody else
  std::size_t size = 0;  // of the text it was decoded from
  unsigned accepts = 0;  // what its sender understands beyond the original's protocol
  std::optional<std::chrono::milliseconds> deadline{};  // what was left of it
  Headers headers{};
};

struct Response {
  RequestId request_id;
  std::string_view data;             // good as long as the text it was decoded from
  std::optional<std::string> error;  // present, even empty, means failure
  std::string code{};
  std::string details{};               // JSON text; empty if there are none
  std::optional<Executed> executed{};  // present if the node refused to run the request
};

/// The caller has given up a request.
struct Cancel {
  RequestId request_id;
};

/// Why a request failed.
struct Failure {
  std::string error;
  std::string code{};
  std::string details{};
  std::optional<Executed> executed{};
};

struct Heartbeat {
  RequestId request_id;
};

struct Broadcast {
  InstanceId sender = 0;  // 0: it does not say
  std::string type;
  std::string data;
};

/// A node has joined, left, or says something else of itself. One of an earlier state of this
/// library may have nothing but an id.
struct NodeEvent {
  std::optional<InstanceId> joined{};
  std::optional<InstanceId> changed{};
  std::optional<InstanceId> left{};
  std::optional<std::int64_t> change{};  // the number of this announcement
  std::optional<NodeRecord> record{};    // of who joined or changed
};

struct Malformed {
  std::string reason;
  bool exceeds_limit = false;
  // Of a message of a node that is no JSON or exceeds a limit, as far as it can be read, so that
  // who waits for an answer need not wait for the timeout:
  std::optional<Request> request{};     // without its type and data
  std::optional<RequestId> response{};  // the call that it is for
};

}  // namespace mesh::wire
