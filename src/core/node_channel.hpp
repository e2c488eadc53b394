#pragma once

#include <string>

#include <mesh/node.hpp>

#include <core/keys.hpp>

namespace mesh::core {

/// The name of a node's channel, which is not made again while messages go to the same node.
class NodeChannel {
 public:
  /// Good until the next call.
  const std::string& of(const Keys& keys, InstanceId node) {
    if (node != node_ || name_.empty()) {
      name_ = keys.node_channel(node);
      node_ = node;
    }
    return name_;
  }

 private:
  InstanceId node_ = 0;
  std::string name_;
};

}  // namespace mesh::core
