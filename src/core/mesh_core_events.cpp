// What happens on the connections and to pending calls, and which parts of a node hear of it.
#include <core/mesh_core.hpp>

#include <algorithm>
#include <utility>

#include <wire/frame.hpp>

namespace mesh::core {

void MeshCore::connect_events() {
  const std::weak_ptr<MeshCore> weak = weak_from_this();
  registration_.reset();
  connect_view();
  pending_.set_never_sent_callback([weak](const PendingCall& call) {
    const auto self = weak.lock();
    if (!self) return std::exception_ptr();
    const bool has_no_target = call.routed && call.target == 0;
    return has_no_target ? self->routed_calls_.why_not_sent(call.type)
                         : self->calls_->why_not_sent(call);
  });
  pending_.set_failed_callback([weak](PendingCall& call, const std::exception_ptr& error) {
    const auto self = weak.lock();
    return self && self->is_active() && self->routed_calls_.on_failed(call, error);
  });
  pending_.set_silent_callback([weak](const RequestId& request_id) {
    if (const auto self = weak.lock()) self->calls_->check(request_id);
  });
  pending_.set_overdue_callback([weak](const RequestId& request_id) {
    if (const auto self = weak.lock()) self->calls_->repeat(request_id);
  });
  pending_.set_given_up_callback([weak](const RequestId& request_id, const PendingCall& call) {
    if (const auto self = weak.lock()) self->calls_->send_cancel(request_id, call);
  });
  packer_->set_events(
      {[calls = std::weak_ptr(calls_)](const RequestId& request_id, const redis::Outcome& outcome) {
         if (const auto self = calls.lock()) self->on_published(request_id, outcome);
       },
       [answers = std::weak_ptr(answers_)](OutgoingResponse&& response,
                                           const redis::Outcome& outcome) {
         if (const auto self = answers.lock()) self->on_published(std::move(response), outcome);
       }});
  const auto flush = [packer = std::weak_ptr(packer_)] {
    if (const auto self = packer.lock()) self->flush();
  };
  const auto note_commands = [primaries = std::weak_ptr(connections_.primaries())] {
    if (const auto self = primaries.lock()) self->on_first_changed();
  };
  redis::Client::Events commands = cluster_events();
  const auto note_connection = [weak] {
    if (const auto self = weak.lock()) self->connection_state_.update();
  };
  commands.on_ready = [weak, note_commands, note_connection, first = true]() mutable {
    note_commands();
    note_connection();
    const auto self = weak.lock();
    if (!self || std::exchange(first, false)) return;
    ++self->counters_->reconnects;
    self->registration_.on_reconnected();
    self->view_->doubt_list();
    self->calls_->on_reconnected();
    self->answers_->on_reconnected();
    self->calls_->on_ready();
    // Redis may have lost the lock with the connection.
    if (!self->connections_.elsewhere()) self->leader_->on_reconnected();
  };
  commands.before_write = flush;
  commands.on_lost = [note_commands, flush, note_connection] {
    note_commands();
    flush();
    note_connection();
  };
  connections_.commands()->set_events(std::move(commands));

  if (connections_.primaries()) {
    redis::Primaries::Events primaries;
    primaries.before_write = flush;
    primaries.on_lost = flush;
    primaries.on_ready = [weak] {
      if (const auto self = weak.lock()) self->calls_->on_ready();
    };
    // Others may have lost their subscriptions there as well.
    primaries.on_reconnected = [weak] {
      const auto self = weak.lock();
      if (!self) return;
      self->calls_->on_path_renewed();
      self->answers_->on_reconnected();
    };
    primaries.on_nodes =
        [own = std::weak_ptr(connections_.own_channel()),
         all = std::weak_ptr(connections_.subscriptions())](const redis::SlotMap& map) {
          for (const auto& weak_client : {own, all}) {
            if (const auto client = weak_client.lock()) client->learn_nodes(map);
          }
        };
    connections_.primaries()->set_events(std::move(primaries));
  }

  if (connections_.elsewhere()) {
    redis::Client::Events election;
    election.on_ready = [weak] {
      if (const auto self = weak.lock()) self->leader_->on_reconnected();
    };
    connections_.elsewhere()->set_events(std::move(election));
  }

  redis::Client::Events own_channel = cluster_events();
  own_channel.on_ready = [weak, first = true]() mutable {
    const auto self = weak.lock();
    if (!self) return;
    self->connection_state_.update();
    if (!std::exchange(first, false)) {
      ++self->counters_->reconnects;
      self->calls_->on_reconnected();
      self->calls_->repeat_all();
      self->view_->on_subscribed_again();
    }
    self->calls_->on_ready();
  };
  own_channel.on_lost = note_connection;
  hear_messages(own_channel);
  connections_.own_channel()->set_events(std::move(own_channel));
  if (connections_.own_channel() == connections_.subscriptions()) return;

  redis::Client::Events subscriptions = cluster_events();
  subscriptions.on_ready = [weak, first = true]() mutable {
    const auto self = weak.lock();
    if (!self) return;
    self->connection_state_.update();
    if (std::exchange(first, false)) return;
    ++self->counters_->reconnects;
    self->view_->on_subscribed_again();
  };
  subscriptions.on_lost = note_connection;
  hear_messages(subscriptions);
  connections_.subscriptions()->set_events(std::move(subscriptions));
}

void MeshCore::connect_view() {
  const std::weak_ptr<MeshCore> weak = weak_from_this();
  view_->set_events({[weak](const view::NodeView::Changes& changes) {
                       const auto self = weak.lock();
                       if (self) self->watch_.report(changes, self->view_->own_id());
                     },
                     [weak] {
                       if (const auto self = weak.lock()) self->routed_calls_.on_view_updated();
                     }});
}

// What any connection to a cluster learns of it is of use for all.
redis::Client::Events MeshCore::cluster_events() {
  redis::Client::Events events;
  if (!connections_.primaries()) return events;
  const std::weak_ptr<redis::Primaries> weak = connections_.primaries();
  events.on_redirection = [weak](const redis::Redirection& redirection) {
    if (const auto primaries = weak.lock()) primaries->on_redirection(redirection);
  };
  events.on_slots = [weak](const redis::SlotMap& map) {
    if (const auto primaries = weak.lock()) primaries->on_slots(map);
  };
  return events;
}

void MeshCore::hear_messages(redis::Client::Events& events) {
  const std::weak_ptr<MeshCore> weak = weak_from_this();
  events.on_message = [weak](std::string_view channel, std::string_view payload) {
    if (const auto self = weak.lock()) self->inbox_.on_message(channel, payload);
  };
  events.largest_message = std::max(options_.limits.message_size, wire::largest_frame);
  events.on_oversized = [weak](const redis::OversizedMessage& message) {
    if (const auto self = weak.lock()) self->inbox_.on_oversized(message);
  };
}

}  // namespace mesh::core
