#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

#include <mesh/node.hpp>

#include <async/strand.hpp>

namespace mesh::core {

/// Tells from lists of nodes who joined and who left. No I/O; time is passed in.
///
/// A node that is missing from the list has left only if that was announced, or after a time in
/// which lists were read: the list is short for a moment when Redis has lost its data or was away.
class NodeView {
 public:
  struct Change {
    NodeChange change = NodeChange::joined;
    MeshNode node{};
  };

  explicit NodeView(Clock::duration patience) : patience_(patience) {}

  /// To be called before a list is asked for, and passed on with it.
  std::uint64_t begin_listing() const { return announcements_; }
  /// The node itself is not reported.
  std::vector<Change> on_listed(const std::vector<MeshNode>& nodes, std::uint64_t listing,
                                TimePoint now);
  std::vector<Change> on_left(InstanceId id);

 private:
  struct Known {
    MeshNode node{};
    TimePoint seen{};
  };

  bool left_since(InstanceId id, std::uint64_t listing) const;

  Clock::duration patience_;
  TimePoint last_listing_{};
  std::map<InstanceId, Known> known_;
  std::uint64_t announcements_ = 0;
  std::map<InstanceId, std::uint64_t> left_;  // the announcement's number
};

}  // namespace mesh::core
