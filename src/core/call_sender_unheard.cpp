// What becomes of calls that seem to have reached nobody.
#include <core/call_sender.hpp>

#include <chrono>
#include <string>
#include <utility>

#include <mesh/errors.hpp>

#include <core/call_outcome.hpp>
#include <redis/command.hpp>
#include <redis/reply_errors.hpp>
#include <util/make_error.hpp>

namespace mesh::core {

namespace {

// How long a registered node may be without its subscription before it counts as gone.
constexpr std::chrono::seconds resubscription_time{1};

}  // namespace

void CallSender::on_nobody(const RequestId& request_id, const PendingCall& call) {
  owners_->forget(call.target);
  if (call.has_data && !need_not_wait_for_target(call)) {
    check_registration(request_id, call.target);
  } else {
    fail_unreachable(request_id, call);
  }
}

// Not so where none of the nodes may have come back yet.
bool CallSender::need_not_wait_for_target(const PendingCall& call) const {
  if (!call.routed) return false;
  if (call.routed->routing().is_one_of_all) return !others_return_.is_open(Clock::now());
  return context_.may_go_elsewhere && context_.may_go_elsewhere(call);
}

void CallSender::ask_after_zero(const RequestId& request_id, const PendingCall& call) {
  context_.channels->ask_after_zero(
      call.target, call.sent_at, TimePoint::max(),
      [weak = weak_from_this(), request_id](const NodeChannels::Answer& answer) {
        if (const auto self = weak.lock()) self->on_zero_explained(request_id, answer);
      });
}

void CallSender::note_uncertain(PendingCall& call) {
  call.may_have_arrived = true;
  // Where all nodes have owners there is nobody to repeat it to without: who listens later tells
  // whether to wait.
  if (context_.channels->is_spread()) call.is_unheard = !call.owner;
}

void CallSender::on_zero_explained(const RequestId& request_id,
                                   const NodeChannels::Answer& answer) {
  PendingCall* const call = calls_.find(request_id);
  if (call == nullptr || answer.failure == redis::Failure::stopped) return;
  if (!answer.found) {
    note_uncertain(*call);
    return try_later(request_id);
  }
  ++call->publishes_to_nobody;
  if (answer.found->own == 0) {
    on_unheard(request_id, *call, answer.found->heartbeat);
  } else if (call->has_data) {
    try_later(request_id);  // it listens by now
  } else {
    fail_unreachable(request_id, *call);
  }
}

void CallSender::check(const RequestId& request_id) {
  const PendingCall* const call = calls_.find(request_id);
  if (call == nullptr || context_.channels->is_spread()) return;
  const auto others = listeners_->others_since(call->begun_at);
  if (!others || call->receivers <= *others) listeners_->ask(call->target, request_id);
}

void CallSender::on_listeners(const RequestId& request_id, const std::optional<Listeners>& found) {
  PendingCall* const call = calls_.find(request_id);
  if (call == nullptr) return;
  if (!found) {
    if (call->is_unheard) try_later(request_id);
    return;
  }
  if (!call->is_unheard && call->receivers > found->others) return;
  call->is_unheard = found->own == 0;
  if (call->is_unheard) {
    on_unheard(request_id, *call, found->heartbeat);
  } else if (!call->owner && context_.channels->is_spread()) {
    fail_unreachable(request_id, *call);  // another one by now, or its owner is forgotten
  } else {
    // The others may have come after the target received it, so this is no first sending.
    repeat(request_id);
  }
}

void CallSender::on_unheard(const RequestId& request_id, PendingCall& call,
                            std::optional<std::int64_t> heartbeat) {
  owners_->forget(call.target);
  const bool is_expected = may_return(call, heartbeat) || others_return_.is_open(Clock::now());
  if (call.has_data && is_expected && !need_not_wait_for_target(call)) {
    try_later(request_id);
  } else {
    fail_unreachable(request_id, call);
  }
}

// Who lives notices with its next heartbeat that its subscription is gone.
bool CallSender::may_return(PendingCall& call, std::optional<std::int64_t> heartbeat) {
  if (!heartbeat) return false;
  const auto now = Clock::now();
  if (!call.unheard_since) {
    call.unheard_since = now;
    call.first_heartbeat = *heartbeat;
  }
  return now < *call.unheard_since + resubscription_time || *heartbeat > call.first_heartbeat;
}

void CallSender::check_registration(const RequestId& request_id, InstanceId target) {
  redis::Command command{"ZSCORE", context_.keys.heartbeats(), std::to_string(target)};
  const auto on_answer = [weak = weak_from_this(), request_id](const redis::Outcome& outcome) {
    const auto self = weak.lock();
    PendingCall* const call = self ? self->calls_.find(request_id) : nullptr;
    if (call == nullptr || outcome.failure == redis::Failure::stopped) return;
    if (outcome.failure != redis::Failure::none || redis::is_worth_retrying(outcome.reply)) {
      return self->try_later(request_id);
    }
    // Where the question is refused, no heartbeat shows that the target lives.
    const auto heartbeat =
        outcome.reply.is_error() ? std::optional<std::int64_t>(0) : parse_heartbeat(outcome.reply);
    self->on_unheard(request_id, *call, heartbeat);
  };
  context_.commands->submit(std::move(command), TimePoint::max(), on_answer);
}

void CallSender::fail_unreachable(const RequestId& request_id, const PendingCall& call) {
  // Its handler may run, so nothing but a response or the timeout ends it; but where all nodes have
  // owners, nobody had the id when it was called.
  const bool may_run = call.owner || !context_.channels->is_spread();
  if (call.may_have_arrived && may_run) return try_later(request_id);
  calls_.fail(request_id, make_error<MeshNodeUnreachableError>(call.target, std::string(call.type),
                                                               executed_of(call)));
}

}  // namespace mesh::core
