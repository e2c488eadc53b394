#include <redis/command_queue.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace mesh::redis {

std::optional<QueuedCommand> CommandQueue::push(QueuedCommand command) {
  const std::size_t size = command.command.size();
  if (size > limit_ - std::min(limit_, bytes_)) return command;
  bytes_ += size;
  queue_.push_back(std::move(command));
  return std::nullopt;
}

std::optional<QueuedCommand> CommandQueue::pop() {
  if (queue_.empty()) return std::nullopt;
  std::optional<QueuedCommand> command(std::move(queue_.front()));
  queue_.pop_front();
  bytes_ -= command->command.size();
  return command;
}

std::vector<QueuedCommand> CommandQueue::take_expired(TimePoint now) {
  const auto first =
      std::stable_partition(queue_.begin(), queue_.end(),
                            [now](const QueuedCommand& command) { return command.deadline > now; });
  std::vector<QueuedCommand> expired(std::make_move_iterator(first),
                                     std::make_move_iterator(queue_.end()));
  queue_.erase(first, queue_.end());
  for (const QueuedCommand& command : expired) bytes_ -= command.command.size();
  return expired;
}

}  // namespace mesh::redis
