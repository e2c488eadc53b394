#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <mesh/options.hpp>

namespace mesh::wire {

/// A request without headers, or a response without an error. Texts stand for themselves, `data` is
/// JSON; all are parts of the message.
struct UsualMessage {
  bool is_response = false;
  std::string_view request_id;
  std::string_view data;
  // Only of requests:
  std::string_view type;
  std::int64_t sender = 0;
  std::int64_t timeout_in_ms = 0;
  std::int64_t accepts = 0;
  std::optional<std::int64_t> deadline_in_ms{};
  bool repeat = false;
};

/// What was between the id and the data of the last usual request that was read, as most requests
/// say the same there as the one before.
struct LastRequest {
  std::string text{};
  std::string type{};
  std::int64_t sender = 0;
  std::int64_t timeout_in_ms = 0;
  std::int64_t accepts = 0;
};

/// Reads a message that is written to the letter as this library writes such ones, which takes a
/// fraction of the time, as no names have to be looked up. False for all others, good or bad.
/// The type of a request is good until the next one is read with the same `last`.
bool read_usual_message(std::string_view text, const MeshLimits& limits, LastRequest& last,
                        UsualMessage& message);

}  // namespace mesh::wire
