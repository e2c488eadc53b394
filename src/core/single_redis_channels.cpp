#include <core/single_redis_channels.hpp>

#include <string>
#include <utility>

#include <scripts/publish_again.lua.hpp>
#include <scripts/who_listens.lua.hpp>

namespace mesh::core {

namespace {

std::optional<Listeners> parse_listeners(const redis::Outcome& outcome) {
  const redis::Reply& reply = outcome.reply;
  if (reply.kind != redis::Reply::Kind::array || reply.elements.size() != 3) return std::nullopt;
  Listeners found;
  found.own = reply.elements[0].integer;
  found.others = reply.elements[1].integer;
  found.heartbeat = parse_heartbeat(reply.elements[2]);
  return found;
}

}  // namespace

SingleRedisChannels::SingleRedisChannels(std::shared_ptr<redis::Client> commands, Keys keys)
    : NodeChannels(false), commands_(std::move(commands)), keys_(std::move(keys)) {}

bool SingleRedisChannels::can_send(InstanceId /*target*/) { return commands_->can_send(); }

std::exception_ptr SingleRedisChannels::not_sent_error(InstanceId /*target*/) {
  return commands_->not_sent_error();
}

std::exception_ptr SingleRedisChannels::too_large_error(InstanceId /*target*/, std::size_t size) {
  return commands_->too_large_error(size);
}

bool SingleRedisChannels::can_publish_at_once(InstanceId target, std::size_t size) {
  return commands_->can_publish_at_once(channel_.of(keys_, target).size() + size);
}

void SingleRedisChannels::want_write(InstanceId /*target*/) { commands_->want_write(); }

void SingleRedisChannels::publish(InstanceId target, std::string_view message, TimePoint deadline,
                                  redis::OutcomeCallback&& callback, std::size_t messages) {
  commands_->publish(channel_.of(keys_, target), message, deadline, std::move(callback), messages);
}

// The script is sent whole rather than by its digest: after a fault Redis may well have forgotten
// it.
void SingleRedisChannels::publish_again(InstanceId target, std::string_view message,
                                        std::string_view owner, TimePoint deadline,
                                        redis::OutcomeCallback&& callback) {
  redis::Command command{
      "EVAL", scripts::publish_again, "1", keys_.owner(target), keys_.node_channel(target), message,
      owner};
  commands_->submit(std::move(command), deadline, std::move(callback));
}

void SingleRedisChannels::publish_to_listener(InstanceId target, std::string_view message,
                                              TimePoint deadline,
                                              redis::OutcomeCallback&& callback) {
  redis::Command command{"EVAL", scripts::publish_again, "0", keys_.node_channel(target), message};
  commands_->submit(std::move(command), deadline, std::move(callback));
}

void SingleRedisChannels::ask_listeners(InstanceId target, TimePoint deadline,
                                        OnListeners on_listeners) {
  redis::Command command{"EVAL",
                         scripts::who_listens,
                         "1",
                         keys_.heartbeats(),
                         keys_.node_channel(target),
                         keys_.nobodys_channel(),
                         std::to_string(target)};
  commands_->submit(std::move(command), deadline,
                    [on_listeners = std::move(on_listeners)](const redis::Outcome& outcome) {
                      on_listeners({outcome.failure, parse_listeners(outcome),
                                    outcome.reply.is_error() ? outcome.reply.text : ""});
                    });
}

}  // namespace mesh::core
