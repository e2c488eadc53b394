#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <mesh/node.hpp>

#include <async/strand.hpp>
#include <core/keys.hpp>
#include <redis/client.hpp>
#include <redis/script.hpp>

namespace mesh::core {

/// The list of nodes in Redis. Every operation is one atomic script, uses the clock of Redis, and
/// throws as `redis::Client::request()`.
class Registry {
 public:
  Registry(std::shared_ptr<redis::Client> client, Keys keys, std::chrono::milliseconds node_ttl,
           std::string hostname);

  bool is_connected() const { return client_->is_ready(); }

  asio::awaitable<InstanceId> claim_id(TimePoint deadline);
  /// What a heartbeat found; after the first two the node is registered.
  enum class Registration { known, missing, taken_by_another };

  /// Registers the node or prolongs its registration.
  asio::awaitable<Registration> heartbeat(InstanceId id, TimePoint deadline);
  /// In ascending order of the ids. `self` marks the one with that id.
  asio::awaitable<std::vector<MeshNode>> list(InstanceId self, TimePoint deadline);
  /// The leader's cleanup. Returns the removed nodes that `self` has to report, also those it
  /// returned before and that are not finished, or nothing if the leader lock does not hold
  /// `lock_value`.
  asio::awaitable<std::optional<std::vector<InstanceId>>> remove_dead(InstanceId self,
                                                                      std::string lock_value,
                                                                      TimePoint deadline);
  /// Whether `self` still has to report the removal of `id`.
  asio::awaitable<bool> is_reporter(InstanceId self, InstanceId id, TimePoint deadline);
  asio::awaitable<void> finish_report(InstanceId self, InstanceId id, TimePoint deadline);
  /// Removes the node from the list; it goes on to own its id.
  asio::awaitable<void> begin_to_leave(InstanceId id, TimePoint deadline);
  asio::awaitable<void> leave(InstanceId id, TimePoint deadline);

 private:
  asio::awaitable<void> run_leave(InstanceId id, bool is_draining, TimePoint deadline);

  std::shared_ptr<redis::Client> client_;
  Keys keys_;
  std::string node_ttl_;   // in ms
  std::string owner_ttl_;  // in ms
  std::string hostname_;
  std::string last_score_;           // what the last heartbeat wrote, in ms
  std::string uuid_;                 // tells this node from another with the same id
  std::vector<std::string> ghosts_;  // host names without a heartbeat, at the last cleanup
  redis::Script claim_id_;
  redis::Script heartbeat_;
  redis::Script list_nodes_;
  redis::Script remove_dead_nodes_;
  redis::Script finish_report_;
  redis::Script leave_;
};

}  // namespace mesh::core
