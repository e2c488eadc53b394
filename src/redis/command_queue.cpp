#include <redis/command_queue.hpp>

#include <algorithm>
#include <utility>

namespace mesh::redis {

std::optional<QueuedCommand> CommandQueue::push(QueuedCommand command) {
  const std::size_t size = command.command.size();
  Line& line = line_of(command.priority);
  if (size > line.limit - std::min(line.limit, line.bytes)) return command;
  line.bytes += size;
  if (gauge_) gauge_->add(size);
  line.commands.push_back(std::move(command));
  return std::nullopt;
}

std::optional<QueuedCommand> CommandQueue::pop() {
  if (empty()) return std::nullopt;
  Line& line = has_control() ? control_ : payload_;
  std::optional<QueuedCommand> command(std::move(line.commands.front()));
  line.commands.pop_front();
  line.bytes -= command->command.size();
  note_less(command->command.size());
  return command;
}

std::vector<QueuedCommand> CommandQueue::take_expired(TimePoint now) {
  std::vector<QueuedCommand> expired;
  const std::size_t before = bytes();
  control_.take_expired(now, expired);
  payload_.take_expired(now, expired);
  note_less(before - bytes());
  return expired;
}

void CommandQueue::Line::take_expired(TimePoint now, std::vector<QueuedCommand>& expired) {
  const auto first =
      std::stable_partition(commands.begin(), commands.end(),
                            [now](const QueuedCommand& command) { return command.deadline > now; });
  for (auto command = first; command != commands.end(); ++command) {
    bytes -= command->command.size();
    expired.push_back(std::move(*command));
  }
  commands.erase(first, commands.end());
}

}  // namespace mesh::redis
