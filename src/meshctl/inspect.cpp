#include <meshctl/inspect.hpp>

#include <meshctl/command.hpp>

namespace mesh::ctl {

asio::awaitable<Ping> ping(Session& session, InstanceId id, std::chrono::milliseconds timeout) {
  const InvokeOptions options{.timeout = timeout};
  const std::string nothing = "null";
  const auto begin = Clock::now();
  Ping result;
  try {
    co_await session.node->invoke_raw(id, "$mesh.ping", nothing, options);
    result.took = Clock::now() - begin;
  } catch (const MeshNoHandlerError&) {
    result.took = Clock::now() - begin;
    result.is_foreign = true;
  } catch (const MeshError&) {
    result.error = std::current_exception();
  }
  co_return result;
}

asio::awaitable<std::vector<NodeInfo>> other_nodes(Session& session) {
  std::vector<NodeInfo> nodes = co_await session.node->get_node_infos();
  std::erase_if(nodes, [](const NodeInfo& node) { return node.self; });
  co_return nodes;
}

asio::awaitable<std::vector<InstanceId>> chosen_nodes(Session& session,
                                                      const std::vector<std::string>& ids) {
  std::vector<InstanceId> chosen;
  chosen.reserve(ids.size());
  for (const std::string& id : ids) chosen.push_back(parse_id(id));
  if (!ids.empty()) co_return chosen;
  const std::vector<NodeInfo> nodes = co_await other_nodes(session);
  chosen.reserve(nodes.size());
  for (const NodeInfo& node : nodes) chosen.push_back(node.instance_id);
  co_return chosen;
}

}  // namespace mesh::ctl
