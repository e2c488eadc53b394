#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <mesh/node.hpp>

namespace mesh::wire {

/// What a node says of itself, as it is kept in Redis: see docs/protocol.md.
struct NodeRecord {
  std::string owner{};  ///< What its owner key holds; it counts only while that does.
  NodeInfo info{};      ///< Without `instance_id` and `self`.
};

/// As an object, for who asks a node. What is not UTF-8 is replaced, here and below.
std::string encode_node_info(const NodeInfo& info);
/// As an object, for Redis.
std::string encode_node_record(const NodeRecord& record);
/// Nothing if it is no object. Fields that are not as they should be are as good as absent.
std::optional<NodeRecord> decode_node_record(std::string_view json);

}  // namespace mesh::wire
