#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

#include <mesh/options.hpp>

#include <wire/messages.hpp>
#include <wire/usual_message.hpp>

namespace mesh::wire {

using NodeMessage = std::variant<Request, Response, Heartbeat, Malformed, Cancel>;
using BroadcastMessage = std::variant<Broadcast, Malformed>;

/// Both never throw for bad input; limits are `message_size` and `nesting_depth`. The order of the
/// tests on a message is that of the TypeScript original. Who reads many messages keeps `last`.
NodeMessage decode_node_message(std::string_view text, const MeshLimits& limits, LastRequest& last);
inline NodeMessage decode_node_message(std::string_view text, const MeshLimits& limits) {
  LastRequest none;
  return decode_node_message(text, limits, none);
}
BroadcastMessage decode_broadcast(std::string_view text, const MeshLimits& limits);

/// What was published on the channel of events; nothing if that is malformed.
std::optional<NodeEvent> decode_event(std::string_view text);

/// Of a message of a node that exceeds `message_size`, and of which only the beginning was kept.
Malformed describe_oversized(std::string_view beginning, std::size_t size);

}  // namespace mesh::wire
