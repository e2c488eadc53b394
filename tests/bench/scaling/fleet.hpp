#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <mesh/node.hpp>
#include <nlohmann/json.hpp>
#include <support/json_line_peer.hpp>

#include "node_options.hpp"

namespace mesh::bench {

namespace asio = boost::asio;

/// A process with some of the nodes.
class Member {
 public:
  Member(const asio::any_io_executor& executor, const std::filesystem::path& program,
         const NodeOptions& options, std::size_t nodes);

  asio::awaitable<nlohmann::json> ask(nlohmann::json request);
  asio::awaitable<nlohmann::json> ask_for(std::string op);
  /// Starts its nodes.
  asio::awaitable<void> start();

  std::size_t size() const { return size_; }
  const std::vector<InstanceId>& ids() const { return ids_; }
  InstanceId first_id() const { return ids_.at(0); }
  void kill() { peer_.process().kill(); }

 private:
  test::JsonLinePeer peer_;
  std::size_t size_;
  std::vector<InstanceId> ids_;
};

using MemberAction = std::function<asio::awaitable<void>(Member& member)>;
/// Of all at the same time.
asio::awaitable<void> with_each(std::vector<Member*> members, MemberAction action);

/// The processes of a mesh of some size: two with a node each, between which calls are made, the
/// first of them the leader; one with a tenth of the nodes, which is to die; and the others.
class Fleet {
 public:
  Fleet(const asio::any_io_executor& executor, const std::filesystem::path& program,
        const NodeOptions& options, std::size_t size, std::size_t most_per_process);

  /// First the leader, then all others at once. Returns the seconds of the latter.
  asio::awaitable<double> start();

  Member& leader() { return *leader_; }
  Member& caller() { return *caller_; }
  /// Null if there are too few nodes.
  Member* doomed() { return doomed_.get(); }
  /// Those with nodes that do nothing, `doomed()` included.
  std::vector<Member*> idle() const;

 private:
  std::unique_ptr<Member> leader_;
  std::unique_ptr<Member> caller_;
  std::unique_ptr<Member> doomed_;
  std::vector<std::unique_ptr<Member>> crowd_;
};

}  // namespace mesh::bench
