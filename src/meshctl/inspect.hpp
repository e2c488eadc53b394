#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <mesh/node.hpp>

#include <meshctl/session.hpp>

namespace mesh::ctl {

/// How many nodes are asked at a time.
constexpr std::size_t asked_at_once = 64;

/// What came of one ping.
struct Ping {
  std::optional<std::chrono::nanoseconds> took{};  ///< Set if the node answered in whatever way.
  /// It answered that it knows no pings: a node in TypeScript, or of an earlier version.
  bool is_foreign = false;
  std::exception_ptr error{};  ///< Why there was no answer.
};

asio::awaitable<Ping> ping(Session& session, InstanceId id, std::chrono::milliseconds timeout);

/// The live nodes but this one, in ascending order.
asio::awaitable<std::vector<NodeInfo>> other_nodes(Session& session);

/// The nodes with these ids, or all others if there are none. Ids are not looked up.
asio::awaitable<std::vector<InstanceId>> chosen_nodes(Session& session,
                                                      const std::vector<std::string>& ids);

}  // namespace mesh::ctl
