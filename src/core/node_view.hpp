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
/// A node has left if it announced that, or is missing from the list: the list drops who has sent
/// no heartbeat for `node_ttl`. But the list is short for a moment when Redis has lost its data,
/// was away or stood still. So nobody is missing for some time after there was reason to doubt it:
/// a list without this very node, a pause between lists, and what `doubt()` is told of.
class NodeView {
 public:
  struct Change {
    NodeChange change = NodeChange::joined;
    MeshNode node{};
  };

  struct Times {
    Clock::duration longest_pause{};  ///< Between two lists that can be compared.
    Clock::duration grace{};          ///< For nodes to come back to a list that was in doubt.
  };

  explicit NodeView(Times times) : times_(times) {}

  /// The list may be short from now on.
  void doubt(TimePoint now) { trusted_from_ = now + times_.grace; }

  /// To be called before a list is asked for, and passed on with it.
  std::uint64_t begin_listing() const { return announcements_; }
  /// The node itself is not reported.
  std::vector<Change> on_listed(const std::vector<MeshNode>& nodes, std::uint64_t listing,
                                TimePoint now);
  std::vector<Change> on_left(InstanceId id);

 private:
  struct Known {
    MeshNode node{};
    std::uint64_t listed = 0;  // the last list that it was in
  };

  bool left_since(InstanceId id, std::uint64_t listing) const;

  Times times_;
  std::uint64_t lists_ = 0;
  TimePoint last_list_{};
  TimePoint trusted_from_{};
  std::map<InstanceId, Known> known_;
  std::uint64_t announcements_ = 0;
  std::map<InstanceId, std::uint64_t> left_;  // the announcement's number
};

}  // namespace mesh::core
