#include <core/pending_calls.hpp>

#include <algorithm>
#include <utility>

#include <mesh/errors.hpp>

#include <util/make_error.hpp>

namespace mesh::core {

namespace {

constexpr std::chrono::milliseconds longest_silence{500};

}  // namespace

PendingCalls::PendingCalls(const Strand& strand, Counters& counters)
    : counters_(counters), alarm_(strand, [this] { expire(); }) {}

PendingCall& PendingCalls::add(const RequestId& request_id, PendingCall&& call) {
  ++counters_.calls_sent;
  kept_bytes_ += call.data.size();
  call.deadline = call.begun_at + call.timeout;
  const TimePoint silent_at = call.begun_at + silence_of(call);
  PendingCall& added = *calls_.insert(request_id, std::move(call), silent_at);
  alarm_.set(calls_.next_deadline());
  return added;
}

bool PendingCalls::on_response(wire::Response&& response) {
  auto call = calls_.extract(response.request_id);
  if (!call) return false;
  answered_.add(response.request_id);
  if (!response.error) {
    complete(std::move(*call), nullptr, std::move(response.data));
  } else if (auto type = wire::parse_no_handler_error(*response.error)) {
    complete(std::move(*call), make_error<MeshNoHandlerError>(std::move(*type)), {});
  } else {
    complete(std::move(*call), make_error<MeshHandlerError>(*response.error), {});
  }
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
                                           " was not taken: " + response.reason));
  }
  return fail(request_id, make_error<MeshDecodeError>(type, std::string(), response.reason));
}

bool PendingCalls::on_heartbeat(const RequestId& request_id, TimePoint now) {
  PendingCall* const call = calls_.find(request_id);
  if (call == nullptr) return false;
  call->deadline = now + call->timeout;
  call->may_have_arrived = true;
  call->is_unheard = false;
  calls_.move_deadline(request_id, overdue_at(*call));
  alarm_.set(calls_.next_deadline());
  return true;
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
  end(std::move(*call), counters_.calls_cancelled, std::move(error), {});
  return true;
}

void PendingCalls::fail_all_stopped() {
  for (PendingCall& call : calls_.drain()) {
    complete(std::move(call), make_error<MeshStoppedError>(), {});
  }
  alarm_.set(std::nullopt);
}

Clock::duration PendingCalls::silence_of(const PendingCall& call) {
  return std::min<Clock::duration>(longest_silence, Clock::duration(call.timeout) / 2);
}

// Heartbeats come after three quarters of the timeout.
TimePoint PendingCalls::overdue_at(const PendingCall& call) {
  return call.deadline - Clock::duration(call.timeout) / 8;
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
    auto error = timeout_error(*call);
    complete(std::move(*call), std::move(error), {});
  }
  alarm_.set(calls_.next_deadline());
}

void PendingCalls::note_silence(const RequestId& request_id, const PendingCall& call,
                                TimePoint now) {
  const TimePoint overdue = overdue_at(call);
  if (now >= overdue) {
    calls_.move_deadline(request_id, call.deadline);
    if (on_overdue_) on_overdue_(request_id);
  } else if (!call.was_sent) {
    calls_.move_deadline(request_id, std::min(now + silence_of(call), overdue));
  } else {
    calls_.move_deadline(request_id, overdue);
    if (on_silent_) on_silent_(request_id);
  }
}

std::exception_ptr PendingCalls::timeout_error(const PendingCall& call) const {
  if (!call.was_sent && why_never_sent_) {
    if (auto error = why_never_sent_()) return error;
  }
  return make_error<MeshRequestTimeoutError>(call.target, std::string(call.type), call.timeout);
}

void PendingCalls::drop_all() {
  calls_.drain();
  kept_bytes_ = 0;
}

void PendingCalls::complete(PendingCall&& call, std::exception_ptr error, detail::Json&& data) {
  auto& counter = error ? counters_.calls_failed : counters_.calls_succeeded;
  end(std::move(call), counter, std::move(error), std::move(data));
}

void PendingCalls::end(PendingCall&& call, std::atomic<std::uint64_t>& counter,
                       std::exception_ptr error, detail::Json&& data) {
  kept_bytes_ -= call.data.size();
  ++counter;
  std::move(call.completion)(std::move(error), std::move(data));
}

}  // namespace mesh::core
