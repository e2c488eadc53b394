#include <view/node_view.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace mesh::view {

namespace {

constexpr std::size_t most_ahead = 16384;
constexpr std::size_t most_versions = 256;

// Of nodes that say nothing of themselves it is the last id that was handed out which shows that
// one took the place of another.
bool says_nothing(const NodeView::Nodes::value_type& node) { return node.second.language.empty(); }

}  // namespace

void NodeView::forget() {
  const std::uint64_t generation = generation_ + 1;
  *this = NodeView(times_);
  generation_ = generation;
}

std::optional<TimePoint> NodeView::next_look() const {
  return has_missing_ ? std::optional(trusted_from_) : std::nullopt;
}

void NodeView::on_contact(TimePoint now) {
  if (has_paused(now)) doubt(now);
  last_contact_ = now;
}

bool NodeView::has_paused(TimePoint now) const {
  return last_contact_ && now - *last_contact_ > times_.longest_pause;
}

void NodeView::doubt(TimePoint now) {
  distrust(now);
  needs_list_ = true;
}

void NodeView::begin_listing() {
  is_listing_ = true;
  needs_list_ = false;
  ahead_.clear();  // the list knows of these, or Redis does not any more
  left_.clear();
  left_without_number_.clear();
}

void NodeView::fail_listing() {
  is_listing_ = false;
  needs_list_ = true;
}

NodeView::Changes NodeView::on_listed(const std::vector<NodeInfo>& nodes, const ListState& state,
                                      TimePoint now) {
  if (has_paused(now) || std::ranges::none_of(nodes, &NodeInfo::self)) distrust(now);
  last_contact_ = now;
  Nodes before = std::exchange(nodes_, {});
  for (const NodeInfo& node : nodes) {
    if (!left_without_number_.contains(node.instance_id)) nodes_.emplace(node.instance_id, node);
  }
  version_ = state.change;
  members_ = state.members;
  last_id_ = state.last_id;
  silent_ = state.silent;
  members_at_.clear();
  members_at_[version_] = members_;
  ahead_.erase(ahead_.begin(), ahead_.upper_bound(version_));
  Changes ignored;
  catch_up(ignored);
  is_listing_ = false;
  catch_up(ignored);

  Changes changes;
  for (const auto& [id, node] : nodes_) {
    if (!before.contains(id)) changes.push_back(Change{NodeChange::joined, node});
  }
  has_missing_ = false;
  for (auto& [id, node] : before) {
    if (nodes_.contains(id)) continue;
    if (now < trusted_from_ && !left_.contains(id)) {
      has_missing_ = true;
      nodes_.emplace(id, std::move(node));
    } else {
      changes.push_back(Change{NodeChange::left, node});
    }
  }
  is_complete_ = true;
  ++generation_;
  return changes;
}

NodeView::Changes NodeView::on_event(const wire::NodeEvent& event) {
  Changes changes;
  if (!event.change) {
    needs_list_ = true;
    if (event.left) {
      left_without_number_.insert(*event.left);
      remove(*event.left, changes);
    }
    return changes;
  }
  if (*event.change <= version_ && !is_listing_) return changes;
  if (ahead_.size() >= most_ahead) {
    ahead_.clear();
    needs_list_ = true;
  }
  ahead_.emplace(*event.change, event);
  catch_up(changes);
  return changes;
}

// What a list that is being read may not know of is kept.
void NodeView::catch_up(Changes& changes) {
  for (auto next = ahead_.find(version_ + 1); next != ahead_.end() && next->first == version_ + 1;
       ++next) {
    apply(next->second, changes);
    members_at_[++version_] = members_;
    if (members_at_.size() > most_versions) members_at_.erase(members_at_.begin());
  }
  if (is_listing_) return;
  ahead_.erase(ahead_.begin(), ahead_.upper_bound(version_));
  if (!ahead_.empty()) needs_list_ = true;
}

void NodeView::apply(const wire::NodeEvent& event, Changes& changes) {
  if (event.joined) {
    ++members_;
    if (*event.joined == last_id_ + 1) ++last_id_;
    add(*event.joined, event, changes);
  } else if (event.changed) {
    add(*event.changed, event, changes);
  } else if (event.left) {
    --members_;
    if (silent_ > 0 && !nodes_.contains(*event.left)) {
      if (silent_ >= most_silent) needs_list_ = true;  // there may be more
      --silent_;
    }
    remove(*event.left, changes);
  }
}

void NodeView::add(InstanceId id, const wire::NodeEvent& event, Changes& changes) {
  if (!event.record) {
    needs_list_ = true;
    return;
  }
  NodeInfo info = event.record->info;
  info.instance_id = id;
  const auto [place, is_new] = nodes_.try_emplace(id);
  info.self = place->second.self;
  place->second = std::move(info);
  left_.erase(id);
  ++generation_;
  if (is_new) changes.push_back(Change{NodeChange::joined, place->second});
}

void NodeView::remove(InstanceId id, Changes& changes) {
  if (is_listing_) left_.insert(id);
  const auto found = nodes_.find(id);
  if (found == nodes_.end()) return;
  changes.push_back(Change{NodeChange::left, found->second});
  nodes_.erase(found);
  ++generation_;
}

void NodeView::forget_node(InstanceId id) {
  needs_list_ = true;
  if (nodes_.erase(id) > 0) ++generation_;
}

NodeView::Agreement NodeView::compare(const ListState& state) const {
  if (version_ == 0) return Agreement::no;
  // Announcements may be heard before the answer to a heartbeat that was earlier.
  if (state.change < version_) {
    const auto then = members_at_.find(state.change);
    const bool is_known = then != members_at_.end() && then->second == state.members;
    return is_known ? Agreement::yes : Agreement::no;
  }
  if (state.change > version_ || state.members != members_) return Agreement::no;
  const bool is_last_id = state.last_id == last_id_ || std::ranges::none_of(nodes_, says_nothing);
  if (!is_last_id) return Agreement::no;
  return state.silent == silent_ ? Agreement::yes : Agreement::but_for_silent_ones;
}

}  // namespace mesh::view
