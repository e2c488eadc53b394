#include <core/pending_calls.hpp>

#include <algorithm>
#include <utility>

#include <mesh/errors.hpp>

#include <core/call_outcome.hpp>
#include <util/make_error.hpp>

namespace mesh::core {

namespace {

constexpr std::chrono::milliseconds longest_silence{500};

}  // namespace

PendingCalls::PendingCalls(const Strand& strand, Counters& counters)
    : counters_(counters), alarm_(strand, [this] { expire(); }) {}

PendingCall& PendingCalls::add_again(const RequestId& request_id, PendingCall&& call) {
  call.unsent_bytes = kept_bytes_of(call);
  kept_bytes_ += call.unsent_bytes;
  counters_.bytes_unsent.add(call.unsent_bytes);
  set_heard(call, call.begun_at);
  const TimePoint silent_at = std::min(call.begun_at + silence_of(call), call.deadline);
  PendingCall& added = *calls_.insert(request_id, std::move(call), silent_at);
  counters_.calls_pending.set(calls_.size());
  alarm_.set(calls_.next_deadline());
  return added;
}

void PendingCalls::note_sent(PendingCall& call) {
  call.was_sent = true;
  counters_.bytes_unsent.subtract(std::exchange(call.unsent_bytes, 0));
}

std::string PendingCalls::take_data(PendingCall& call) {
  kept_bytes_ -= call.data.size();
  return std::exchange(call.data, {});
}

bool PendingCalls::on_response(const wire::Response& response) {
  auto call = calls_.extract(response.request_id);
  if (!call) return false;
  answered_.add(response.request_id);
  if (response.error) {
    complete(std::move(*call), error_of(response, *call), {});
    return true;
  }
  // The memory of what the request said serves again, unless it is much: the user may keep it.
  constexpr std::size_t much = std::size_t{4} << 10U;
  std::string data = take_data(*call);
  if (data.capacity() > much) data = std::string();
  data.assign(response.data);
  complete(std::move(*call), nullptr, std::move(data));
  return true;
}

bool PendingCalls::on_unreadable(const RequestId& request_id, const wire::Malformed& response) {
  const PendingCall* const call = calls_.find(request_id);
  if (call == nullptr) return false;
  const std::string type(call->type);
  if (response.exceeds_limit) {
    return fail(request_id,
                make_error<MeshLimitError>("the response to \"" + type + "\" from node " +
                                               std::to_string(call->target) +
                                               " was not taken: " + response.reason,
                                           Executed::yes));
  }
  return fail(request_id, make_error<MeshDecodeError>(type, std::string(), response.reason));
}

bool PendingCalls::on_heartbeat(const RequestId& request_id, TimePoint now) {
  PendingCall* const call = calls_.find(request_id);
  if (call == nullptr) return false;
  set_heard(*call, now);
  call->may_have_arrived = true;
  call->is_unheard = false;
  calls_.move_deadline(request_id, std::min(overdue_at(*call), call->deadline));
  alarm_.set(calls_.next_deadline());
  return true;
}

void PendingCalls::on_target_found(const RequestId& request_id, PendingCall& call, TimePoint now) {
  call.begun_at = now;
  set_heard(call, now);
  calls_.move_deadline(request_id, std::min(now + silence_of(call), call.deadline));
  alarm_.set(calls_.next_deadline());
}

bool PendingCalls::fail(const RequestId& request_id, std::exception_ptr error) {
  auto call = calls_.extract(request_id);
  if (!call) return false;
  given_up_.add(request_id);
  complete(std::move(*call), std::move(error), {});
  return true;
}

bool PendingCalls::cancel(const RequestId& request_id, std::exception_ptr error) {
  auto call = calls_.extract(request_id);
  if (!call) return false;
  given_up_.add(request_id);
  if (on_given_up_) on_given_up_(request_id, *call);
  end(std::move(*call), introspection::CallEnding::cancelled, std::move(error), {});
  return true;
}

void PendingCalls::fail_all_stopped() {
  for (PendingCall& call : calls_.drain()) {
    auto error = make_error<MeshStoppedError>(executed_of(call));
    const auto ending = introspection::ending_of(error);
    end(std::move(call), ending, std::move(error), {});
  }
  alarm_.set(std::nullopt);
}

Clock::duration PendingCalls::silence_of(const PendingCall& call) {
  return std::min<Clock::duration>(longest_silence, Clock::duration(call.timeout) / 2);
}

// Heartbeats come after three quarters of the timeout.
TimePoint PendingCalls::overdue_at(const PendingCall& call) {
  return call.silent_until - Clock::duration(call.timeout) / 8;
}

void PendingCalls::set_heard(PendingCall& call, TimePoint now) {
  call.silent_until = now + call.timeout;
  call.deadline = std::min(call.silent_until, call.ends_at);
}

void PendingCalls::expire() {
  const auto now = Clock::now();
  while (const auto due = calls_.first_due(now)) {
    PendingCall& found = *calls_.find(*due);
    if (found.deadline > now) {
      note_silence(*due, found, now);
      continue;
    }
    auto call = calls_.extract(*due);
    given_up_.add(*due);
    if (on_given_up_ && call->ends_at <= now) on_given_up_(*due, *call);
    auto error = timeout_error(*call);
    complete(std::move(*call), std::move(error), {});
  }
  alarm_.set(calls_.next_deadline());
}

void PendingCalls::note_silence(const RequestId& request_id, const PendingCall& call,
                                TimePoint now) {
  const TimePoint overdue = overdue_at(call);
  const TimePoint next_look = std::min(overdue, call.deadline);
  if (now >= overdue) {
    calls_.move_deadline(request_id, call.deadline);
    if (on_overdue_) on_overdue_(request_id);
  } else if (!call.was_sent) {
    calls_.move_deadline(request_id, std::min(now + silence_of(call), next_look));
  } else {
    calls_.move_deadline(request_id, next_look);
    if (on_silent_) on_silent_(request_id);
  }
}

std::exception_ptr PendingCalls::timeout_error(const PendingCall& call) const {
  if (!call.was_sent && why_never_sent_) {
    if (auto error = why_never_sent_(call)) return error;
  }
  if (call.ends_at <= call.silent_until) {
    return make_error<MeshDeadlineError>(call.target, std::string(call.type), executed_of(call));
  }
  return make_error<MeshRequestTimeoutError>(call.target, std::string(call.type), call.timeout,
                                             executed_of(call));
}

void PendingCalls::drop_all() {
  calls_.drain();
  kept_bytes_ = 0;
  counters_.bytes_unsent.set(0);
  counters_.calls_pending.set(0);
}

bool PendingCalls::goes_on(PendingCall& call, const std::exception_ptr& error) {
  if (!call.routed || !on_failed_) return false;
  const std::size_t kept = kept_bytes_of(call);
  const std::size_t unsent = call.unsent_bytes;
  if (!on_failed_(call, error)) return false;
  kept_bytes_ -= kept;
  counters_.bytes_unsent.subtract(unsent);
  return true;
}

void PendingCalls::complete(PendingCall&& call, std::exception_ptr error, std::string&& data) {
  if (error && goes_on(call, error)) return;
  const auto ending = introspection::ending_of(error);
  end(std::move(call), ending, std::move(error), std::move(data));
}

void PendingCalls::end(PendingCall&& call, introspection::CallEnding ending,
                       std::exception_ptr error, std::string&& data) {
  kept_bytes_ -= kept_bytes_of(call);
  count(call, ending);
  std::move(call.completion)(std::move(error), std::move(data));
}

void PendingCalls::count(const PendingCall& call, introspection::CallEnding ending) {
  using introspection::CallEnding;
  ++(ending == CallEnding::succeeded   ? counters_.calls_succeeded
     : ending == CallEnding::cancelled ? counters_.calls_cancelled
                                       : counters_.calls_failed);
  counters_.calls_pending.set(calls_.size());
  counters_.bytes_unsent.subtract(call.unsent_bytes);
  counters_.calls.note(call.type, ending, [&call] { return Clock::now() - call.counted_from; });
}

}  // namespace mesh::core
