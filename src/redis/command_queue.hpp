#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <async/strand.hpp>
#include <redis/command.hpp>
#include <util/strand_gauge.hpp>

namespace mesh::redis {

/// What goes first. The node's own upkeep, such as heartbeats and the lease, must neither wait for
/// payload nor be refused because of it.
enum class Priority { payload, control };

/// A command that waits for a connection.
struct QueuedCommand {
  Command command;
  TimePoint deadline;
  OutcomeCallback callback;
  Priority priority = Priority::payload;
};

/// Commands that wait for a connection, in order, but control before payload. Bounded in bytes:
/// payload by the limit, control by a reserve of its own. Time is passed in.
class CommandQueue {
 public:
  explicit CommandQueue(std::size_t limit_in_bytes) : payload_{limit_in_bytes} {}

  CommandQueue(const CommandQueue&) = delete;
  CommandQueue& operator=(const CommandQueue&) = delete;
  ~CommandQueue() { note_less(bytes()); }

  /// Adds the bytes of what waits here to the gauge. While the queue is empty.
  void count_bytes(std::shared_ptr<StrandGauge> gauge) { gauge_ = std::move(gauge); }

  /// Gives the command back if there is no room for it.
  std::optional<QueuedCommand> push(QueuedCommand command);
  /// The oldest one of those that go first, or nothing.
  std::optional<QueuedCommand> pop();
  /// Takes out those whose deadline has passed.
  std::vector<QueuedCommand> take_expired(TimePoint now);

  std::size_t bytes() const { return payload_.bytes + control_.bytes; }
  bool empty() const { return payload_.commands.empty() && !has_control(); }
  bool has_control() const { return !control_.commands.empty(); }

 private:
  struct Line {
    std::size_t limit;
    std::size_t bytes = 0;
    std::deque<QueuedCommand> commands{};

    void take_expired(TimePoint now, std::vector<QueuedCommand>& expired);
  };
  static constexpr std::size_t reserve = std::size_t{1} << 20U;

  Line& line_of(Priority priority) { return priority == Priority::control ? control_ : payload_; }

  void note_less(std::size_t size) {
    if (gauge_) gauge_->subtract(size);
  }

  std::shared_ptr<StrandGauge> gauge_;  // null: nobody asks
  Line payload_;
  Line control_{reserve};
};

}  // namespace mesh::redis
