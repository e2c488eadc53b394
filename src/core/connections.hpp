#pragma once

#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <mesh/log.hpp>
#include <mesh/options.hpp>

#include <async/strand.hpp>
#include <core/keys.hpp>
#include <redis/client.hpp>
#include <redis/primaries.hpp>
#include <util/strand_gauge.hpp>

namespace mesh::core {

/// A node's connections to Redis: one for commands, one for subscriptions, and one for the election
/// where that is on another Redis. In a cluster those two lead to the slot of the registry; there
/// the node's own channel has a connection of its own, and what is published to nodes has one for
/// each primary. All members but the getters must be called on the strand.
class Connections {
 public:
  /// The lock is that of the election.
  /// What waits in them is told by the gauge, but what the election sends elsewhere.
  Connections(const Strand& strand, const MeshOptions& options, const Keys& keys,
              const std::string& lock_key, const std::shared_ptr<StrandGauge>& bytes_waiting);
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  const std::shared_ptr<redis::Client>& commands() const { return commands_; }
  const std::shared_ptr<redis::Client>& subscriptions() const { return subscriptions_; }
  /// For the node's own channel: of a single Redis that for all subscriptions. In a cluster it is
  /// opened by who knows the slot.
  const std::shared_ptr<redis::Client>& own_channel() const {
    return own_channel_ ? own_channel_ : subscriptions_;
  }
  /// Null unless Redis is a cluster.
  const std::shared_ptr<redis::Primaries>& primaries() const { return primaries_; }
  /// Null where the election is on the Redis of the mesh.
  const std::shared_ptr<redis::Client>& elsewhere() const { return elsewhere_; }
  /// What the election uses.
  const std::shared_ptr<redis::Client>& election() const {
    return elsewhere_ ? elsewhere_ : commands_;
  }

  /// Whether those are there that a node needs to be called and to keep its place: all but the
  /// election's own, and those to further primaries of a cluster.
  bool are_ready() const;

  /// Completes when those for commands and for subscriptions are there. Throws what
  /// `Client::wait_ready()` does.
  asio::awaitable<void> open(TimePoint deadline, bool attempts_may_fail);
  /// Opens the election's own, if it has one, and does not wait for it.
  void open_elsewhere();
  /// Completes when what was sent to other nodes has been answered, or at the deadline: in a
  /// cluster what closes the connections does not come behind it.
  asio::awaitable<void> wait_answered(TimePoint deadline);
  void close();
  /// Closes all, and waits until nothing of them runs.
  asio::awaitable<void> close_until(TimePoint deadline);

 private:
  LogSink log_;
  std::string doubt_;  // about the options; until it has been told
  std::shared_ptr<redis::MasterWatch> master_watch_;
  std::shared_ptr<redis::Client> commands_;
  std::shared_ptr<redis::Client> subscriptions_;
  std::shared_ptr<redis::Client> own_channel_;  // only in a cluster
  std::shared_ptr<redis::Primaries> primaries_;
  std::shared_ptr<redis::Client> elsewhere_;
};

}  // namespace mesh::core
