#include <core/call_sender.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <utility>

#include <mesh/errors.hpp>

#include <core/call_outcome.hpp>
#include <core/node_features.hpp>
#include <core/retry_delay.hpp>
#include <core/time_left.hpp>
#include <redis/command.hpp>
#include <redis/reply_errors.hpp>
#include <redis/size_refusal.hpp>
#include <util/make_error.hpp>
#include <wire/encode.hpp>

namespace mesh::core {

namespace {

// Of calls that are repeated at once, with a pause between portions.
constexpr std::size_t portion = 256;
constexpr std::chrono::milliseconds pause_between_portions{5};

}  // namespace

CallSender::CallSender(Context context, const std::atomic<InstanceId>& own_id, PendingCalls& calls,
                       Counters& counters)
    : context_(std::move(context)),
      own_id_(own_id),
      calls_(calls),
      counters_(counters),
      alarm_(context_.strand, [this] { try_due(); }),
      owners_(std::make_shared<OwnerLookup>(
          context_.commands, context_.keys, context_.channels->is_spread(),
          [this](const OwnerLookup::Found& found) { on_owner_found(found); })),
      listeners_(std::make_shared<ListenerCheck>(
          context_.channels,
          [this](const RequestId& request_id, const std::optional<Listeners>& found) {
            on_listeners(request_id, found);
          })),
      others_return_(context_.return_time) {}

void CallSender::send(const RequestId& request_id, PendingCall& call, std::string_view message) {
  if (can_send_to(call.target)) {
    publish(request_id, call, message);
    return;
  }
  // Calls that have ended meanwhile must not pile up.
  if (unsent_.size() >= 2 * calls_.size()) {
    std::erase_if(unsent_, [this](const RequestId& id) { return calls_.find(id) == nullptr; });
  }
  ++call.attempts;
  unsent_.push_back(request_id);
}

std::exception_ptr CallSender::why_not_sent(const PendingCall& call) const {
  if (!context_.own_channel->is_ready()) return context_.own_channel->not_sent_error();
  if (!context_.channels->can_send(call.target)) {
    return context_.channels->not_sent_error(call.target);
  }
  // It may have waited for its target's owner.
  return context_.commands->is_ready() ? nullptr : context_.commands->not_sent_error();
}

void CallSender::on_ready() {
  if (!context_.own_channel->is_ready()) return;
  for (const RequestId& request_id : std::exchange(unsent_, {})) try_now(request_id);
}

void CallSender::on_reconnected() {
  others_return_.open(Clock::now());
  owners_->forget_all();
}

void CallSender::repeat_all() {
  auto time = Clock::now();
  std::size_t count = 0;
  for (const RequestId& request_id : calls_.ids()) {
    if (repeat_at(request_id, time) && ++count % portion == 0) time += pause_between_portions;
  }
}

void CallSender::repeat(const RequestId& request_id) { repeat_at(request_id, Clock::now()); }

bool CallSender::repeat_at(const RequestId& request_id, TimePoint time) {
  PendingCall* const call = calls_.find(request_id);
  if (call == nullptr || !call->owner || !call->has_data) return false;
  call->may_have_arrived = true;
  try_at(request_id, time);
  return true;
}

void CallSender::send_cancel(const RequestId& request_id, const PendingCall& call) {
  if (executed_of(call) == Executed::no) return;
  if (call.was_kept_here) {
    context_.deliver_here(wire::encode_cancel(request_id.view()));
  } else if (call.owner) {
    publish_cancel({call.target, call.owner->features}, request_id);
  } else {
    owners_->add_cancel(call.target, request_id);
  }
}

void CallSender::publish_cancel(const Packer::Address& address, const RequestId& request_id) {
  if (!has_feature(address.features, Feature::cancel)) return;
  constexpr std::chrono::seconds useful_for{10};
  context_.packer->send_hint(address, wire::encode_cancel(request_id.view()),
                             Clock::now() + useful_for);
}

void CallSender::clear() {
  unsent_.clear();
  retries_.drain();
  alarm_.set(std::nullopt);
  owners_->clear();
  listeners_->clear();
}

// Publishing --------------------------------------------------------------------------------------

// This node may have been chosen for a call, or have got the id of its target.
void CallSender::deliver_here(PendingCall& call, std::string_view message) {
  calls_.note_sent(call);
  call.may_have_arrived = true;
  call.was_kept_here = true;
  context_.deliver_here(std::string(message));
}

void CallSender::publish(const RequestId& request_id, PendingCall& call, std::string_view message) {
  const bool is_new = call.publishes == 0 && !call.may_have_arrived;
  if (is_here(call.target) && is_new) return deliver_here(call, message);
  if (const auto* const known = owners_->find(call.target)) {
    call.owner = *known;
  } else {
    look_up_owner(request_id, call);
    if (context_.channels->is_spread()) return;
  }
  publish_to_owner(request_id, call, message);
}

void CallSender::publish_to_owner(const RequestId& request_id, PendingCall& call,
                                  std::string_view message) {
  calls_.note_sent(call);
  ++call.publishes;
  call.receivers = 1;
  if (context_.channels->is_spread()) call.sent_at = Clock::now();
  const unsigned features = call.owner ? call.owner->features : 0;
  context_.packer->send_request(request_id, {call.target, features}, message, call.deadline);
}

// The question goes out before the request, so the answer holds for the node that gets the request;
// unless they go to different servers, where the request has to wait for the answer.
void CallSender::look_up_owner(const RequestId& request_id, PendingCall& call) {
  if (context_.channels->is_spread()) {
    if (!call.has_data) {
      calls_.fail(request_id, make_error<MeshLimitError>(redis::overflow_error()));
      return;
    }
    ++call.attempts;
  }
  owners_->ask(call.target, request_id);
}

void CallSender::on_owner_found(const OwnerLookup::Found& found) {
  const bool is_spread = context_.channels->is_spread();
  if (!found.is_answered) {
    if (!is_spread) return;
    for (const RequestId& request_id : found.calls) try_later(request_id);
    return;
  }
  if (found.owner) {
    for (const RequestId& request_id : found.cancels) {
      publish_cancel({found.target, found.owner->features}, request_id);
    }
  }
  for (const RequestId& request_id : found.calls) {
    PendingCall* const call = calls_.find(request_id);
    if (call == nullptr) continue;
    call->owner = found.owner;
    if (!is_spread) continue;
    if (can_send_to(found.target)) {
      publish_to_owner(request_id, *call, encode(request_id, *call));
    } else {
      unsent_.push_back(request_id);
    }
  }
}

void CallSender::on_published(const RequestId& request_id, const redis::Outcome& outcome) {
  PendingCall* const call = calls_.find(request_id);
  if (call == nullptr) return;
  const bool has_not_left =
      outcome.failure == redis::Failure::expired || outcome.failure == redis::Failure::overflow;
  if (has_not_left || outcome.reply.is_error()) --call->publishes;
  if (fail_if_too_large(request_id, *call, outcome)) return;
  switch (outcome.failure) {
    case redis::Failure::none:
      break;
    case redis::Failure::overflow:
      // Those that were held leave all at once.
      if (call->has_data && call->attempts > 0) return try_later(request_id);
      calls_.fail(request_id, make_error<MeshLimitError>(redis::overflow_error()));
      return;
    case redis::Failure::disconnected:
      note_uncertain(*call);
      if (call->owner || call->is_unheard) try_later(request_id);
      return;
    case redis::Failure::expired:
    case redis::Failure::stopped:
      return;  // the timeout, or the stop, ends the call
  }
  if (redis::is_worth_retrying(outcome.reply)) {
    try_later(request_id);
  } else if (outcome.reply.is_error()) {
    calls_.fail(request_id,
                make_error<MeshRedisError>("PUBLISH: " + outcome.reply.text, executed_of(*call)));
  } else if (outcome.reply.integer == 0 && context_.channels->is_spread()) {
    ask_after_zero(request_id, *call);
  } else if (outcome.reply.integer == 0) {
    ++call->publishes_to_nobody;
    on_nobody(request_id, *call);
  } else {
    call->receivers = outcome.reply.integer;
  }
}

bool CallSender::fail_if_too_large(const RequestId& request_id, PendingCall& call,
                                   const redis::Outcome& outcome) {
  if (redis::is_size_refusal(outcome.reply)) {
    const std::string refusal = "PUBLISH: " + redis::describe_refusal(outcome.reply);
    return calls_.fail(request_id, make_error<MeshRedisError>(refusal, executed_of(call)));
  }
  if (outcome.suspect_size == 0 || ++call.suspected_losses < redis::convicting_losses) return false;
  return calls_.fail(request_id,
                     context_.channels->too_large_error(call.target, outcome.suspect_size));
}

// Again -------------------------------------------------------------------------------------------

void CallSender::publish_again(const RequestId& request_id) {
  const PendingCall* const call = calls_.find(request_id);
  // Without an owner it could reach another node than at first: the timeout ends the call.
  if (call == nullptr || !call->owner) return;
  ++counters_.calls_resent;
  const std::string message = encode(request_id, *call);
  context_.channels->publish_again(
      call->target, message, call->owner->value, call->deadline,
      [weak = weak_from_this(), request_id](const redis::Outcome& outcome) {
        if (const auto self = weak.lock()) self->on_published_again(request_id, outcome);
      });
}

void CallSender::on_published_again(const RequestId& request_id, const redis::Outcome& outcome) {
  PendingCall* const call = calls_.find(request_id);
  if (call == nullptr || outcome.failure == redis::Failure::stopped) return;
  if (is_received(outcome) || fail_if_too_large(request_id, *call, outcome)) return;
  if (outcome.failure == redis::Failure::none && outcome.reply.integer == -2) {
    // Another node has the id by now, and must not get it: the timeout ends the call.
    owners_->forget(call->target);
    return;
  }
  // Redis may not be ready, and without an owner or a subscription the node may be on its way back.
  try_later(request_id);
}

void CallSender::try_later(const RequestId& request_id) {
  PendingCall* const call = calls_.find(request_id);
  if (call == nullptr || !call->has_data) return;
  try_at(request_id, Clock::now() + retry_delay(call->attempts++, random_));
}

void CallSender::try_at(const RequestId& request_id, TimePoint time) {
  retries_.insert(request_id, {}, time);
  alarm_.set(retries_.next_deadline());
}

void CallSender::try_due() {
  const auto now = Clock::now();
  while (const auto due = retries_.first_due(now)) {
    retries_.extract(*due);
    try_now(*due);
  }
  alarm_.set(retries_.next_deadline());
}

void CallSender::try_now(const RequestId& request_id) {
  PendingCall* const call = calls_.find(request_id);
  if (call == nullptr) return;
  if (!can_send_to(call->target)) {
    unsent_.push_back(request_id);
  } else if (call->is_unheard) {
    listeners_->ask(call->target, request_id);
  } else if (call->was_kept_here) {
    return;
  } else if (call->may_have_arrived) {
    publish_again(request_id);
  } else {
    publish(request_id, *call, encode(request_id, *call));
  }
}

std::string_view CallSender::intended_owner(const PendingCall& call) const {
  const bool is_needed = call.may_have_arrived && context_.channels->is_spread();
  return is_needed && call.owner ? std::string_view(call.owner->value) : std::string_view();
}

std::string CallSender::encode(const RequestId& request_id, const PendingCall& call) const {
  return wire::encode_request({.request_id = request_id.view(),
                               .sender = own_id_,
                               .type = call.type,
                               .data = call.data,
                               .timeout = call.timeout,
                               .repeat = call.may_have_arrived,
                               .owner = intended_owner(call),
                               .accepts = own_features,
                               .deadline = time_left(call.ends_at, Clock::now()),
                               .headers = call.headers()});
}

}  // namespace mesh::core
