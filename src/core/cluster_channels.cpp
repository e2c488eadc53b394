#include <core/cluster_channels.hpp>

#include <utility>

#include <redis/redirection.hpp>
#include <redis/slot.hpp>

namespace mesh::core {

namespace {

constexpr std::size_t most_channels = 4096;

// Slots seldom move more than once within the time of a message.
constexpr int most_redirections = 3;

/// What is known of a node's listeners, from several questions at once.
struct Inquiry {
  explicit Inquiry(NodeChannels::OnListeners callback) : on_listeners(std::move(callback)) {}

  void take(const redis::Outcome& outcome, bool is_good) {
    const bool has_failed = outcome.failure != redis::Failure::none;
    if (has_failed) answer.failure = outcome.failure;
    if (outcome.reply.is_error() && !is_good) answer.refusal = outcome.reply.text;
    is_complete = is_complete && is_good && !has_failed;
    if (--open > 0) return;
    if (is_complete) answer.found = found;
    on_listeners(answer);
  }

  NodeChannels::OnListeners on_listeners;
  Listeners found;
  NodeChannels::Answer answer;
  bool is_complete = true;
  int open = 3;
};

bool is_redirected(const redis::Outcome& outcome) {
  return outcome.failure == redis::Failure::none && redis::is_cluster_unrest(outcome.reply);
}

redis::Outcome integer_outcome(std::int64_t value) {
  redis::Outcome outcome;
  outcome.reply.kind = redis::Reply::Kind::integer;
  outcome.reply.integer = value;
  return outcome;
}

/// Only a primary answers, also while the slot is on its way to another, which has no channels yet.
bool is_from_primary(const redis::Reply& reply) {
  return reply.kind == redis::Reply::Kind::integer ||
         (reply.is_error() && reply.text.starts_with("ASK "));
}

}  // namespace

ClusterChannels::ClusterChannels(std::shared_ptr<redis::Client> registry,
                                 std::shared_ptr<redis::Primaries> primaries, Keys keys)
    : NodeChannels(true),
      registry_(std::move(registry)),
      primaries_(std::move(primaries)),
      keys_(std::move(keys)) {}

const ClusterChannels::Channel& ClusterChannels::channel_of(InstanceId node) {
  if (const auto known = channels_.find(node); known != channels_.end()) return known->second;
  if (channels_.size() >= most_channels) channels_.clear();
  std::string name = keys_.node_channel(node);
  const std::uint16_t slot = redis::slot_of(name);
  return channels_.emplace(node, Channel{std::move(name), slot}).first->second;
}

bool ClusterChannels::can_send(InstanceId target) {
  return connection_to(channel_of(target))->can_send();
}

std::exception_ptr ClusterChannels::not_sent_error(InstanceId target) {
  return connection_to(channel_of(target))->not_sent_error();
}

std::exception_ptr ClusterChannels::too_large_error(InstanceId target, std::size_t size) {
  return connection_to(channel_of(target))->too_large_error(size);
}

bool ClusterChannels::can_publish_at_once(InstanceId target, std::size_t size) {
  const Channel& channel = channel_of(target);
  return connection_to(channel)->can_publish_at_once(channel.name.size() + size);
}

void ClusterChannels::want_write(InstanceId target) {
  connection_to(channel_of(target))->want_write();
}

void ClusterChannels::publish(InstanceId target, std::string_view message, TimePoint deadline,
                              redis::OutcomeCallback&& callback, std::size_t messages) {
  const Channel& channel = channel_of(target);
  const auto connection = connection_to(channel);
  connection->publish(channel.name, message, deadline, std::move(callback), messages);
}

void ClusterChannels::publish_hint(InstanceId target, std::string_view message,
                                   TimePoint deadline) {
  send_hint(std::make_unique<Hint>(Hint{target, std::string(message), deadline}));
}

// The next heartbeat of a request would come too late.
void ClusterChannels::send_hint(std::unique_ptr<Hint> hint) {
  const Hint& sent = *hint;
  publish(
      sent.target, sent.message, sent.deadline,
      [weak = weak_from_this(), hint = std::move(hint)](const redis::Outcome& outcome) mutable {
        const auto self = weak.lock();
        if (!self || !is_redirected(outcome) || ++hint->redirections > most_redirections) return;
        self->send_hint(std::move(hint));
      },
      1);
}

// No script reaches both the owner and the channel. That the owner is still the same is looked at
// here, so that the caller learns of it, and again by the receiver, so that it is certain.
void ClusterChannels::publish_again(InstanceId target, std::string_view message,
                                    std::string_view owner, TimePoint deadline,
                                    redis::OutcomeCallback&& callback) {
  if (owner.empty()) return publish(target, message, deadline, std::move(callback), 1);
  auto repetition = std::make_unique<Repetition>(
      Repetition{target, std::string(message), std::string(owner), deadline, std::move(callback)});
  redis::Command command{"GET", keys_.owner(target)};
  registry_->submit_to_slot(std::move(command), deadline,
                            [weak = weak_from_this(),
                             repetition = std::move(repetition)](redis::Outcome&& outcome) mutable {
                              if (const auto self = weak.lock())
                                self->on_owner_found(*repetition, std::move(outcome));
                            });
}

void ClusterChannels::on_owner_found(Repetition& repetition, redis::Outcome&& found) {
  if (found.failure != redis::Failure::none || found.reply.is_error()) {
    repetition.callback(std::move(found));
  } else if (found.reply.text.empty()) {
    repetition.callback(integer_outcome(-1));
  } else if (found.reply.text != repetition.owner) {
    repetition.callback(integer_outcome(-2));
  } else {
    publish(repetition.target, repetition.message, repetition.deadline,
            std::move(repetition.callback), 1);
  }
}

void ClusterChannels::publish_to_listener(InstanceId target, std::string_view message,
                                          TimePoint deadline, redis::OutcomeCallback&& callback) {
  publish(target, message, deadline, std::move(callback), 1);
}

void ClusterChannels::ask_listeners(InstanceId target, TimePoint deadline,
                                    OnListeners on_listeners) {
  const Channel channel = channel_of(target);
  const auto connection = connection_to(channel);
  const auto inquiry = std::make_shared<Inquiry>(std::move(on_listeners));
  connection->submit(redis::Command{"PUBSUB", "SHARDNUMSUB", channel.name}, deadline,
                     [inquiry](const redis::Outcome& outcome) {
                       const bool is_good = outcome.reply.elements.size() == 2;
                       if (is_good) inquiry->found.own = outcome.reply.elements[1].integer;
                       inquiry->take(outcome, is_good);
                     });
  // No node says that it does not count the subscribers of a channel that is another's.
  connection->submit(redis::Command{"EXISTS", channel.name}, deadline,
                     [inquiry](const redis::Outcome& outcome) {
                       inquiry->take(outcome, is_from_primary(outcome.reply));
                     });
  registry_->submit_to_slot(redis::Command{"ZSCORE", keys_.heartbeats(), std::to_string(target)},
                            deadline, [inquiry](const redis::Outcome& outcome) {
                              inquiry->found.heartbeat = parse_heartbeat(outcome.reply);
                              inquiry->take(outcome, !outcome.reply.is_error());
                            });
}

// As long as nothing is known to have moved, the server that is asked is the one that counted.
void ClusterChannels::ask_after_zero(InstanceId target, TimePoint sent_at, TimePoint deadline,
                                     OnListeners on_listeners) {
  ask_listeners(target, deadline,
                [weak = std::weak_ptr(primaries_), sent_at,
                 on_listeners = std::move(on_listeners)](const Answer& answer) {
                  const auto primaries = weak.lock();
                  Answer certain = answer;
                  if (!primaries || !primaries->is_settled_since(sent_at)) certain.found.reset();
                  on_listeners(certain);
                });
}

}  // namespace mesh::core
