#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <mesh/node.hpp>

#include <wire/messages.hpp>

namespace mesh::wire {

/// A request to be written: texts are good only during that. `data` is JSON text and is copied as
/// it is. A timeout above 2^31 - 1 ms is written as that.
struct OutgoingRequest {
  std::string_view request_id;
  InstanceId sender = 0;
  std::string_view type;
  std::string_view data;
  std::chrono::milliseconds timeout{0};
  bool repeat = false;
  std::string_view owner{};  // see `Request::owner`; only of what is repeated
  unsigned accepts = 0;
  std::optional<std::chrono::milliseconds> deadline{};  // what is left of it
  std::string_view headers{};                           // JSON text; empty if there are none
};

/// The memory of `memory` is used again.
std::string encode_request(const OutgoingRequest& request, std::string memory = {});

/// Writes requests as `encode_request()` does, and faster where one says between its id and its
/// data what the one before did, as most of a node do: neither a deadline nor headers, and not that
/// they are repeated. Ids must need no escapes.
class RequestWriter {
 public:
  std::string encode(const OutgoingRequest& request, std::string memory);

 private:
  bool says_the_same(const OutgoingRequest& request) const;
  void remember(const OutgoingRequest& request);

  InstanceId sender_ = 0;
  std::string type_;
  std::chrono::milliseconds timeout_{0};
  unsigned accepts_ = 0;
  std::string middle_;  // from the quote behind the id on; empty if there is none to rely on
};

/// A response up to its `data`, which is to be appended, and then `end_response()`.
std::string begin_response(std::string_view request_id);
void end_response(std::string& response);
std::string encode_response(std::string_view request_id, std::string_view data);

std::string encode_error(std::string_view request_id, std::string_view error);
/// With all that nodes understand that know codes.
std::string encode_failure(std::string_view request_id, const Failure& failure);
std::string encode_cancel(std::string_view request_id);
/// As an object. What is not UTF-8 is replaced.
std::string encode_headers(const Headers& headers);
std::string encode_heartbeat(std::string_view request_id);
std::string encode_broadcast(InstanceId sender, std::string_view type, std::string_view data);

/// The `error` text that means "no handler for this type", and its inverse.
std::string no_handler_error(std::string_view type);
std::optional<std::string> parse_no_handler_error(std::string_view error);

}  // namespace mesh::wire
