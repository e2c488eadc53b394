#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <meshctl/command.hpp>
#include <meshctl/inspect.hpp>
#include <meshctl/terminal.hpp>

namespace mesh::ctl {

class RedisAccess;

/// What is shown of one node.
struct NodeRow {
  NodeInfo info{};
  std::optional<std::chrono::milliseconds> heartbeat_age{};
  Ping ping{};
  std::optional<std::uint64_t> requests{};  ///< That it has got so far, if it tells.
  std::optional<double> rate{};             ///< Of them per second since the last look.
};

/// Looks at the nodes, again and again.
class NodeLook {
 public:
  explicit NodeLook(Session& session);
  ~NodeLook();

  /// Of all nodes but this one, in ascending order of their ids. With rates it asks them for
  /// figures as well.
  asio::awaitable<std::vector<NodeRow>> rows(bool with_rates);

 private:
  asio::awaitable<void> add_heartbeats(std::vector<NodeRow>& rows);
  asio::awaitable<void> ask(NodeRow& row, bool with_rates);

  struct Seen {
    std::uint64_t requests = 0;
    TimePoint at{};
  };

  Session& session_;
  std::unique_ptr<RedisAccess> redis_;
  bool knows_heartbeats_ = true;
  std::map<InstanceId, Seen> seen_;
};

Table node_table(const std::vector<NodeRow>& rows, bool with_rates, bool with_details);
Json to_json(const NodeRow& row);

}  // namespace mesh::ctl
