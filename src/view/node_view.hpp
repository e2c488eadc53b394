#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <mesh/node.hpp>

#include <async/strand.hpp>
#include <view/list_state.hpp>
#include <wire/messages.hpp>

namespace mesh::view {

/// Who is alive, and what they say of themselves, as far as a node knows: from the list in Redis
/// and from announcements since. No I/O; time is passed in.
///
/// Announcements have numbers. One that does not follow the last, or has no number because its node
/// is of an earlier state, makes a new list necessary, as does a heartbeat of which the answer does
/// not agree.
///
/// A node has left if it announced that, or is missing from the list: the list drops who has sent
/// no heartbeat for `node_ttl`. But the list is short for a moment when Redis has lost its data,
/// was away or stood still. So nobody is missing for some time after there was reason to doubt it:
/// a list without this very node, a pause in which nothing was heard of Redis, and what `doubt()`
/// is told of.
class NodeView {
 public:
  using Nodes = std::map<InstanceId, NodeInfo>;

  struct Change {
    NodeChange change = NodeChange::joined;
    MeshNode node{};
  };
  using Changes = std::vector<Change>;

  struct Times {
    Clock::duration longest_pause{};  ///< Between two signs of Redis.
    Clock::duration grace{};          ///< For nodes to come back to a list that was in doubt.
  };

  explicit NodeView(Times times) : times_(times) {}

  /// Begins anew.
  void forget();

  /// With this node itself, once a list was read.
  const Nodes& nodes() const { return nodes_; }
  bool is_complete() const { return is_complete_; }
  /// Another one after each change of `nodes()`.
  std::uint64_t generation() const { return generation_; }
  /// Number of the last announcement that `nodes()` knows of; 0: they must be listed each time.
  std::int64_t version() const { return version_; }
  bool needs_list() const { return needs_list_; }
  /// When the list is to be read again to tell who of those that are missing has left.
  std::optional<TimePoint> next_look() const;

  /// Redis was heard of.
  void on_contact(TimePoint now);
  /// The list may be short from now on, and announcements may have been missed.
  void doubt(TimePoint now);
  /// Is not reported: this node has given up its id, which may be another's by now.
  void forget_node(InstanceId id);
  /// Announcements may have been missed.
  void require_list() { needs_list_ = true; }

  /// To be called before a list is asked for, and until it is there or has failed.
  void begin_listing();
  /// This node is the one that is marked as `self`. Changes of it are told as well, as below.
  Changes on_listed(const std::vector<NodeInfo>& nodes, const ListState& state, TimePoint now);
  void fail_listing();
  Changes on_event(const wire::NodeEvent& event);
  /// Whether the list that a heartbeat saw can only be what is known here. Who has just fallen
  /// silent is most likely about to be removed, and announced as such, by the leader.
  enum class Agreement { yes, no, but_for_silent_ones };
  Agreement compare(const ListState& state) const;

 private:
  void distrust(TimePoint now) { trusted_from_ = now + times_.grace; }
  bool has_paused(TimePoint now) const;
  void catch_up(Changes& changes);
  void apply(const wire::NodeEvent& event, Changes& changes);
  void add(InstanceId id, const wire::NodeEvent& event, Changes& changes);
  void remove(InstanceId id, Changes& changes);

  Times times_;
  Nodes nodes_;
  bool is_complete_ = false;
  bool needs_list_ = true;
  bool is_listing_ = false;
  bool has_missing_ = false;  // some are kept that were not in the last list
  std::uint64_t generation_ = 0;
  std::int64_t version_ = 0;
  std::int64_t members_ = 0;
  std::int64_t last_id_ = 0;
  std::int64_t silent_ = 0;
  std::map<std::int64_t, std::int64_t> members_at_;  // by version, the last few
  std::map<std::int64_t, wire::NodeEvent> ahead_;    // of `version_`, or of the list that is read
  std::set<InstanceId> left_;                        // while a list was read,
  std::set<InstanceId> left_without_number_;         // and of these, as no number tells when
  std::optional<TimePoint> last_contact_;
  TimePoint trusted_from_{};
};

}  // namespace mesh::view
