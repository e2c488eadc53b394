#pragma once

#include <string>

#include <mesh/node.hpp>
#include <mesh/options.hpp>

#include <config/key_prefix.hpp>

namespace mesh::core {

/// The Redis names of one mesh. They are shared with the TypeScript original: see docs/protocol.md.
class Keys {
 public:
  Keys(const RedisOptions& redis, const std::string& mesh_key)
      : stem_(config::mesh_prefix(redis) + ":mesh:" + mesh_key),
        node_channel_prefix_(stem_ + ":node:"),
        leader_lock_(config::lock_key(redis, "mesh:" + mesh_key)) {}

  const std::string& stem() const { return stem_; }
  std::string next_id() const { return stem_ + ":next_id"; }
  std::string heartbeats() const { return stem_ + ":heartbeats"; }
  std::string nodes() const { return stem_ + ":nodes"; }
  std::string broadcast_channel() const { return stem_ + ":broadcast"; }
  const std::string& node_channel_prefix() const { return node_channel_prefix_; }
  std::string node_channel(InstanceId id) const {
    return node_channel_prefix_ + std::to_string(id);
  }
  /// Looks like that of a node, but no node has this id.
  std::string nobodys_channel() const { return node_channel_prefix_ + "0"; }
  /// Ours alone: who holds an id, so that two nodes never share one.
  std::string owner_prefix() const { return stem_ + ":owner:"; }
  std::string owner(InstanceId id) const { return owner_prefix() + std::to_string(id); }
  /// Ours alone: removed nodes that are to be reported to the application, and by which node.
  std::string reports() const { return stem_ + ":reports"; }
  /// Ours alone: tells who joined and left.
  std::string events_channel() const { return stem_ + ":events"; }
  /// Ours alone: a sign of life from the leader, for connections that would be silent without.
  std::string pulse_channel() const { return stem_ + ":pulse"; }
  const std::string& leader_lock() const { return leader_lock_; }
  std::string leader_last_term() const { return leader_lock_ + ":last_term"; }
  /// Ours alone: the largest fencing token that has cleaned up, where the lock is on another Redis.
  std::string leader_token() const { return stem_ + ":leader_token"; }

 private:
  std::string stem_;
  std::string node_channel_prefix_;  // made once, as each message needs it
  std::string leader_lock_;
};

}  // namespace mesh::core
