#include <view/node_watch.hpp>

#include <utility>

namespace mesh::view {

void NodeWatch::set_callback(Callback callback, const NodeView& view, InstanceId own_id) {
  callback_ = std::move(callback);
  for (const auto& [id, node] : view.nodes()) report({NodeChange::joined, node}, own_id);
}

void NodeWatch::report(const NodeView::Changes& changes, InstanceId own_id) {
  for (const NodeView::Change& change : changes) report(change, own_id);
}

void NodeWatch::report(const NodeView::Change& change, InstanceId own_id) {
  if (!callback_ || change.node.instance_id == own_id) return;
  callbacks_.push([callback = callback_, change] { return callback(change.change, change.node); });
}

}  // namespace mesh::view
