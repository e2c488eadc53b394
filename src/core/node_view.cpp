#include <core/node_view.hpp>

#include <algorithm>

namespace mesh::core {

std::vector<NodeView::Change> NodeView::on_listed(const std::vector<MeshNode>& nodes,
                                                  std::uint64_t listing, TimePoint now) {
  std::vector<Change> changes;
  const bool has_paused = lists_ > 0 && now - last_list_ > times_.longest_pause;
  if (has_paused || std::ranges::none_of(nodes, &MeshNode::self)) doubt(now);
  ++lists_;
  last_list_ = now;
  for (const MeshNode& node : nodes) {
    if (node.self || left_since(node.instance_id, listing)) continue;
    const auto [entry, is_new] = known_.try_emplace(node.instance_id, Known{node, lists_});
    entry->second.listed = lists_;
    if (is_new) changes.push_back(Change{NodeChange::joined, node});
  }
  for (auto entry = known_.begin(); entry != known_.end();) {
    if (entry->second.listed == lists_ || now < trusted_from_) {
      ++entry;
      continue;
    }
    changes.push_back(Change{NodeChange::left, entry->second.node});
    entry = known_.erase(entry);
  }
  std::erase_if(left_, [listing](const auto& left) { return left.second <= listing; });
  return changes;
}

std::vector<NodeView::Change> NodeView::on_left(InstanceId id) {
  left_[id] = ++announcements_;
  const auto found = known_.find(id);
  if (found == known_.end()) return {};
  std::vector<Change> changes;
  changes.push_back(Change{NodeChange::left, found->second.node});
  known_.erase(found);
  return changes;
}

bool NodeView::left_since(InstanceId id, std::uint64_t listing) const {
  const auto found = left_.find(id);
  return found != left_.end() && found->second > listing;
}

}  // namespace mesh::core
