#pragma once

#include <memory>

#include <mesh/detail/callback.hpp>
#include <mesh/node.hpp>

#include <async/serial_queue.hpp>
#include <view/node_view.hpp>

namespace mesh::view {

/// Tells the application which other nodes join and leave. All members must be called on the
/// strand.
class NodeWatch {
 public:
  using Callback = detail::AsyncCallback<NodeChange, MeshNode>;

  /// `callbacks` is what the callback is called by, and must outlive this.
  explicit NodeWatch(SerialQueue& callbacks) : callbacks_(callbacks) {}
  NodeWatch(const NodeWatch&) = delete;
  NodeWatch& operator=(const NodeWatch&) = delete;

  /// It is told first who is there; an empty one is told nothing.
  void set_callback(Callback callback, const NodeView& view, InstanceId own_id);
  bool has_callback() const { return static_cast<bool>(callback_); }
  void report(const NodeView::Changes& changes, InstanceId own_id);

 private:
  void report(const NodeView::Change& change, InstanceId own_id);

  SerialQueue& callbacks_;
  Callback callback_;
};

}  // namespace mesh::view
