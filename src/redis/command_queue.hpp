#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include <async/strand.hpp>
#include <redis/command.hpp>

namespace mesh::redis {

/// A command that waits for a connection.
struct QueuedCommand {
  Command command;
  TimePoint deadline;
  OutcomeCallback callback;
};

/// Commands that wait for a connection, in order, bounded in bytes. Time is passed in.
class CommandQueue {
 public:
  explicit CommandQueue(std::size_t limit_in_bytes) : limit_(limit_in_bytes) {}

  /// Gives the command back if there is no room for it.
  std::optional<QueuedCommand> push(QueuedCommand command);
  /// The oldest one, or nothing.
  std::optional<QueuedCommand> pop();
  /// Takes out those whose deadline has passed.
  std::vector<QueuedCommand> take_expired(TimePoint now);

  std::size_t bytes() const { return bytes_; }
  bool empty() const { return queue_.empty(); }

 private:
  std::size_t limit_;
  std::size_t bytes_ = 0;
  std::deque<QueuedCommand> queue_;
};

}  // namespace mesh::redis
