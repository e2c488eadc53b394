#pragma once

#include <cstdint>
#include <string>

namespace mesh {

/// The number that identifies a node within its mesh. Redis hands them out with INCR, so they
/// start at 1 and are never reused while a node is alive. 0 means "no node".
using InstanceId = std::int64_t;

/// One live node, as listed by `MeshService::get_nodes()`.
struct MeshNode {
  InstanceId instance_id = 0;  ///< The node's unique id.
  std::string hostname;        ///< Of the machine it runs on; "unknown" if not recorded.
  bool self = false;           ///< True for the node that made the call.

  friend bool operator==(const MeshNode&, const MeshNode&) = default;
};

/// What `MeshService::watch_nodes()` reports of a node.
enum class NodeChange {
  joined,  ///< It is there.
  left,    ///< It stopped, or was silent for too long.
};

}  // namespace mesh
