#include <core/inbox.hpp>

#include <variant>

#include <core/node_features.hpp>
#include <wire/frame.hpp>

namespace mesh::core {

Inbox::Inbox(Context context, const std::atomic<InstanceId>& own_id, PendingCalls& calls,
             std::shared_ptr<RequestServer> server, std::shared_ptr<view::LocalView> view,
             Counters& counters)
    : context_(std::move(context)),
      own_id_(own_id),
      calls_(calls),
      server_(std::move(server)),
      view_(std::move(view)),
      counters_(counters),
      drop_log_(context_.log),
      broadcast_channel_(context_.keys.broadcast_channel()),
      events_channel_(context_.keys.events_channel()) {}

void Inbox::on_message(std::string_view channel, std::string_view payload) {
  if (channel == node_channel_) {
    if (wire::is_frame(payload)) {
      on_frame(payload);
    } else {
      on_node_message(payload);
    }
  } else if (channel == broadcast_channel_) {
    on_broadcast_message(payload);
  } else if (channel == events_channel_) {
    view_->on_announcement(payload);
  }
}

void Inbox::on_oversized(const redis::OversizedMessage& message) {
  const wire::Malformed malformed = wire::describe_oversized(message.beginning, message.size);
  if (message.channel == node_channel_) {
    on_malformed(malformed);
  } else {
    drop(malformed.reason);
  }
}

void Inbox::on_frame(std::string_view payload) {
  wire::FrameReader frame(payload);
  while (const auto message = frame.next()) on_node_message(*message);
  if (!frame.is_at_end()) drop("the rest of a frame is no message");
}

void Inbox::on_node_message(std::string_view payload, bool is_own) {
  auto message = wire::decode_node_message(payload, context_.limits, last_request_);
  if (auto* const request = std::get_if<wire::Request>(&message)) {
    on_request(std::move(*request), is_own);
  } else if (const auto* const response = std::get_if<wire::Response>(&message)) {
    if (!calls_.on_response(*response)) {
      on_unexpected(response->request_id, "response to no pending call");
    }
  } else if (const auto* const heartbeat = std::get_if<wire::Heartbeat>(&message)) {
    if (!calls_.on_heartbeat(heartbeat->request_id, Clock::now())) {
      on_unexpected(heartbeat->request_id, "heartbeat for no pending call");
    }
  } else if (const auto* const cancel = std::get_if<wire::Cancel>(&message)) {
    server_->on_cancel(cancel->request_id);
  } else {
    on_malformed(std::get<wire::Malformed>(message));
  }
}

// Nobody shall wait for a timeout because of a message that is of no use. What claims to be from
// this very node is not: it would be a call without messages.
void Inbox::on_malformed(const wire::Malformed& message) {
  drop(message.reason);
  if (message.response) {
    calls_.on_unreadable(*message.response, message);
  } else if (message.request && message.request->sender != own_id_ && owns_id_ &&
             is_for_this_owner(*message.request) && context_.commands->is_ready()) {
    server_->on_unreadable(*message.request, message);
  }
}

// After a reconnect the id may be another node's, if Redis has lost its data: until a heartbeat has
// told, both would run the same requests.
void Inbox::on_request(wire::Request&& request, bool is_own) {
  if (is_own) {
    request.accepts |= caller_is_here;
    return server_->on_request(std::move(request));
  }
  request.accepts &= ~caller_is_here;
  if (!is_for_this_owner(request)) {
    return drop("a repeated request for a node that had this id before");
  }
  if (owns_id_ && context_.commands->is_ready()) {
    server_->on_request(std::move(request));
  } else if (held_bytes_ + request.size <= context_.limits.queued_bytes) {
    held_bytes_ += request.size;
    held_.push_back(HeldRequest{std::move(request), Clock::now()});
  } else {
    drop("a request that came before this node had registered again");
  }
}

void Inbox::accept_requests() {
  owns_id_ = true;
  held_bytes_ = 0;
  for (HeldRequest& held : std::exchange(held_, {})) {
    server_->on_request(std::move(held.request), held.arrived_at);
  }
}

void Inbox::forget_held() {
  held_bytes_ = 0;
  held_.clear();
}

void Inbox::on_broadcast_message(std::string_view payload) {
  auto message = wire::decode_broadcast(payload, context_.limits);
  if (const auto* const malformed = std::get_if<wire::Malformed>(&message)) {
    drop(malformed->reason);
    return;
  }
  auto& broadcast = std::get<wire::Broadcast>(message);
  // The own ones were delivered without the detour.
  if (broadcast.sender != own_id_) server_->on_broadcast(std::move(broadcast));
}

void Inbox::on_unexpected(const RequestId& request_id, const std::string& reason) {
  if (calls_.has_ended(request_id)) {
    ++counters_.messages_late;
  } else {
    drop(reason);
  }
}

void Inbox::drop(const std::string& reason) {
  ++counters_.messages_dropped;
  drop_log_.warn(Clock::now(), "dropped a message: " + reason);
}

}  // namespace mesh::core
