#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <mesh/log.hpp>
#include <mesh/options.hpp>

#include <async/event.hpp>
#include <async/strand.hpp>
#include <leader/leader_driver.hpp>
#include <redis/client.hpp>

namespace mesh::leader {

/// What stands behind a `LeaderService`: either an election with a connection of its own, or the
/// one of a mesh, which alone starts and stops that.
class Election : public std::enable_shared_from_this<Election> {
 public:
  /// Of its own. Throws `std::invalid_argument` for wrong options.
  Election(asio::any_io_executor executor, const std::string& key, const LeaderOptions& options,
           const RedisOptions& redis, LogSink log);
  /// Of a mesh.
  Election(Strand strand, asio::any_io_executor executor, std::shared_ptr<LeaderDriver> driver);
  Election(const Election&) = delete;
  Election& operator=(const Election&) = delete;

  const Strand& strand() const { return strand_; }
  /// The user's executor.
  const asio::any_io_executor& executor() const { return executor_; }
  LeaderDriver& driver() const { return *driver_; }
  const std::shared_ptr<LeaderDriver>& shared_driver() const { return driver_; }

  /// From any thread. Throws `MeshAlreadyRunningError`.
  void start();
  /// On the strand.
  asio::awaitable<void> stop();
  /// From any thread: no callback begins any more, and nothing is logged.
  void close_gate() { gate_->close(); }
  /// On the strand.
  void abandon();

 private:
  enum class State { stopped, running, stopping };

  bool belongs_to_mesh() const { return client_ == nullptr; }
  [[noreturn]] static void reject_use();

  Strand strand_;
  asio::any_io_executor executor_;
  std::shared_ptr<detail::Gate> gate_ = std::make_shared<detail::Gate>();
  std::shared_ptr<redis::Client> client_;  // null where a mesh owns the driver
  std::shared_ptr<LeaderDriver> driver_;
  LogSink log_;
  std::vector<std::string> doubts_;  // about the options
  Event stopped_;
  std::atomic<State> state_{State::stopped};
};

}  // namespace mesh::leader
