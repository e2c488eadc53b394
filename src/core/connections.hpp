#pragma once

#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <mesh/options.hpp>

#include <async/strand.hpp>
#include <redis/client.hpp>

namespace mesh::core {

/// A node's connections to Redis: one for commands, one for subscriptions, and one for the election
/// where that is on another Redis. All members but the getters must be called on the strand.
class Connections {
 public:
  /// The lock is that of the election.
  Connections(const Strand& strand, const MeshOptions& options, const std::string& lock_key);
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  const std::shared_ptr<redis::Client>& commands() const { return commands_; }
  const std::shared_ptr<redis::Client>& subscriptions() const { return subscriptions_; }
  /// Null where the election is on the Redis of the mesh.
  const std::shared_ptr<redis::Client>& elsewhere() const { return elsewhere_; }
  /// What the election uses.
  const std::shared_ptr<redis::Client>& election() const {
    return elsewhere_ ? elsewhere_ : commands_;
  }

  /// Completes when both to the Redis of the mesh are there. Throws what `Client::wait_ready()`
  /// does.
  asio::awaitable<void> open(TimePoint deadline);
  /// Opens the election's own, if it has one, and does not wait for it.
  void open_elsewhere();
  void close();
  /// Closes all, and waits until nothing of them runs.
  asio::awaitable<void> close_until(TimePoint deadline);

 private:
  std::shared_ptr<redis::MasterWatch> master_watch_;
  std::shared_ptr<redis::Client> commands_;
  std::shared_ptr<redis::Client> subscriptions_;
  std::shared_ptr<redis::Client> elsewhere_;
};

}  // namespace mesh::core
