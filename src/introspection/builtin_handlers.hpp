#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include <mesh/detail/handler.hpp>
#include <mesh/node.hpp>
#include <mesh/stats.hpp>

namespace mesh::introspection {

/// By the type of the request, which begins with `$`.
using BuiltinHandlers = std::map<std::string, std::shared_ptr<detail::RequestHandler>, std::less<>>;

/// What the handlers tell of; called from any thread, possibly after the node is gone.
struct NodeFigures {
  std::function<InstanceId()> instance_id;
  std::function<MeshStats()> stats;
  std::function<NodeInfo()> info;
};

/// The requests that every node answers by itself: see docs/protocol.md. They are plain functions,
/// which do not block, do not throw, ignore what the request says, and can do without a context.
BuiltinHandlers make_builtin_handlers(const NodeFigures& node);

}  // namespace mesh::introspection
