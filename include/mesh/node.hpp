#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

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

/// What a node says of itself, besides what it serves: see `MeshOptions::info`.
struct ServiceInfo {
  std::string name{};     ///< Of the program or its role, such as "billing"; at most 256 bytes.
  std::string version{};  ///< Such as "1.4.2"; at most 256 bytes.
  /// Whatever callers choose nodes by, such as "zone": "a"; at most 64 with names and texts of at
  /// most 256 bytes each.
  std::map<std::string, std::string> labels{};

  friend bool operator==(const ServiceInfo&, const ServiceInfo&) = default;
};

/// One live node with what it says of itself, as listed by `MeshService::get_node_infos()`. Of a
/// node that says nothing, such as one in TypeScript, only what `MeshNode` has is known.
struct NodeInfo : MeshNode {
  std::string name{};                           ///< `ServiceInfo::name`.
  std::string version{};                        ///< `ServiceInfo::version`.
  std::map<std::string, std::string> labels{};  ///< `ServiceInfo::labels`.
  std::vector<std::string> types{};             ///< What it has handlers for, in ascending order.
  bool has_fallback_handler = false;            ///< It serves every other type as well.
  /// When it joined the mesh, by its own clock; the epoch if that is not known.
  std::chrono::system_clock::time_point started_at{};
  std::string language{};  ///< "C++"; empty if the node says nothing.

  /// Whether it answers requests of this type, as far as it says. The reserved types that every C++
  /// node serves, which begin with "$mesh.", count as well.
  bool serves(std::string_view type) const {
    if (type.starts_with('$')) return type.starts_with("$mesh.") && !language.empty();
    return has_fallback_handler || std::binary_search(types.begin(), types.end(), type);
  }

  friend bool operator==(const NodeInfo&, const NodeInfo&) = default;
};

/// What `MeshService::watch_nodes()` reports of a node.
enum class NodeChange {
  joined,  ///< It is there.
  left,    ///< It stopped, or was silent for too long.
};

}  // namespace mesh
