#pragma once

#include <cstdint>
#include <string>

#include <mesh/node.hpp>
#include <mesh/options.hpp>

#include <config/key_prefix.hpp>
#include <redis/slot.hpp>

namespace mesh::core {

/// The Redis names of one mesh. On a single Redis they are shared with the TypeScript original, see
/// docs/protocol.md. On a cluster all are in one slot, except for the nodes' own channels.
class Keys {
 public:
  /// Throws `std::invalid_argument` where braces in the names would choose another slot.
  Keys(const RedisOptions& redis, const std::string& mesh_key)
      : stem_(config::mesh_prefix(redis) + ":mesh:" + mesh_key),
        node_channel_prefix_(stem_ + ":node:"),
        names_(redis.cluster.empty() ? stem_ : config::in_one_slot(stem_)),
        leader_lock_(redis.cluster.empty() ? config::lock_key(redis, "mesh:" + mesh_key)
                                           : names_ + ":leader") {}

  /// For people.
  const std::string& stem() const { return stem_; }
  /// The slot of all but the nodes' own channels, in a cluster.
  std::uint16_t slot() const { return redis::slot_of(names_); }
  std::string next_id() const { return names_ + ":next_id"; }
  std::string heartbeats() const { return names_ + ":heartbeats"; }
  std::string nodes() const { return names_ + ":nodes"; }
  std::string broadcast_channel() const { return names_ + ":broadcast"; }
  const std::string& node_channel_prefix() const { return node_channel_prefix_; }
  std::string node_channel(InstanceId id) const {
    return node_channel_prefix_ + std::to_string(id);
  }
  /// Looks like that of a node, but no node has this id.
  std::string nobodys_channel() const { return node_channel_prefix_ + "0"; }
  /// Ours alone: who holds an id, so that two nodes never share one.
  std::string owner_prefix() const { return names_ + ":owner:"; }
  std::string owner(InstanceId id) const { return owner_prefix() + std::to_string(id); }
  /// Ours alone: removed nodes that are to be reported to the application, and by which node.
  std::string reports() const { return names_ + ":reports"; }
  /// Ours alone: what each node says of itself.
  std::string infos() const { return names_ + ":info"; }
  /// Ours alone: counts the changes that are announced on the channel below.
  std::string changes() const { return names_ + ":changes"; }
  /// Ours alone: tells who joined, left, and says something else of itself.
  std::string events_channel() const { return names_ + ":events"; }
  /// Ours alone: a sign of life from the leader, for connections that would be silent without.
  std::string pulse_channel() const { return names_ + ":pulse"; }
  const std::string& leader_lock() const { return leader_lock_; }
  std::string leader_last_term() const { return leader_lock_ + ":last_term"; }
  /// Ours alone: the largest fencing token that has cleaned up, where the lock is on another Redis.
  std::string leader_token() const { return names_ + ":leader_token"; }

 private:
  std::string stem_;
  std::string node_channel_prefix_;  // made once, as each message needs it
  std::string names_;                // what the others begin with
  std::string leader_lock_;
};

}  // namespace mesh::core
