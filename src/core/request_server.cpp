#include <core/request_server.hpp>

#include <algorithm>
#include <utility>

#include <mesh/errors.hpp>

#include <core/heartbeat_interval.hpp>
#include <core/response_text.hpp>
#include <wire/encode.hpp>

namespace mesh::core {

namespace {

using std::chrono::milliseconds;

// How long a repetition may be on its way after its caller has sent it.
constexpr std::chrono::seconds longest_delay{2};

// One that Redis may not be able to send, and how often it is tried.
constexpr std::size_t large_response = std::size_t{64} << 10U;
constexpr unsigned most_deliveries = 2;

}  // namespace

RequestServer::RequestServer(Context context, Counters& counters)
    : context_(std::move(context)),
      counters_(counters),
      runner_(std::make_shared<HandlerRunner>(
          HandlerRunner::Context{context_.strand, context_.executor, context_.limits, context_.log,
                                 context_.gate, context_.interception})),
      waiting_({context_.limits.queued_handlers, context_.limits.queued_bytes,
                context_.limits.queued_time}),
      answered_(context_.limits.remembered_requests, context_.limits.remembered_bytes),
      busy_log_(context_.log),
      alarm_(context_.strand, [this] { on_alarm(); }) {}

void RequestServer::start(SendAnswer send) {
  send_ = std::move(send);
  refusing_ = false;
  HandlerRunner::Callbacks callbacks;
  callbacks.on_response = [weak = weak_from_this()](std::shared_ptr<Execution> execution) {
    if (const auto self = weak.lock()) self->answer(std::move(execution));
  };
  callbacks.on_room = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->use_room();
  };
  runner_->start(std::move(callbacks));
}

void RequestServer::on_request(wire::Request&& request, std::optional<TimePoint> arrived_at) {
  if (!is_serving()) return;
  ++counters_.requests_received;
  const auto now = Clock::now();
  answered_.note_time(now);
  if (is_repetition(request)) return;
  if (refusing_) {
    refuse(request, refusal(Refusal::stopping, "the node is stopping"));
    return;
  }
  const auto timeout = timeout_of(request);
  auto handler = handlers_.find(request.type);
  if (!handler) {
    refuse_for_good(request, {wire::no_handler_error(request.type)});
    return;
  }
  const TimePoint since = arrived_at.value_or(now);
  if (since + timeout < now) {
    drop_unwanted(request);
    return;
  }
  std::optional<TimePoint> ends_at;
  if (request.deadline) ends_at = since + *request.deadline;
  if (!is_still_wanted(request, ends_at, now)) return;
  const TimePoint next_heartbeat = since + heartbeat_interval(timeout);
  if (runner_->is_full()) {
    enqueue({std::move(request), timeout, since, since, next_heartbeat, ends_at});
  } else {
    run(std::move(handler), std::move(request), {timeout, ends_at, next_heartbeat});
  }
}

void RequestServer::on_unreadable(const wire::Request& request, const wire::Malformed& message) {
  if (!is_serving()) return;
  answered_.note_time(Clock::now());
  if (is_repetition(request)) return;
  std::string text = "the request was not run: " + message.reason;
  refuse_for_good(request, message.exceeds_limit ? refusal(Refusal::limit, std::move(text))
                                                 : wire::Failure{std::move(text), "decode"});
}

// The same id again is a repetition of a request that was or is being worked on.
bool RequestServer::is_repetition(const wire::Request& request) {
  const RequestId& id = request.request_id;
  if (const auto answered = answered_.find(id)) {
    // Of one whose cancel came first, this is the first that comes.
    const bool came_late =
        answered->fate == AnsweredRequests::Fate::never_wanted && !request.repeat;
    if (!came_late) ++counters_.requests_repeated;
    answer_repetition(request, *answered);
    return true;
  }
  if (Job* const job = jobs_.find(id)) {
    ++counters_.requests_repeated;
    if (request.repeat && !job->is_cancelled) {
      // The caller may have another id by now, and may have missed a heartbeat.
      job->caller = caller_of(request);
      send_heartbeat(job->caller, id, job->call->timeout, Clock::now());
    }
    return true;
  }
  if (WaitingRequest* const waiting = waiting_.find(id)) {
    ++counters_.requests_repeated;
    if (request.repeat) {
      waiting->request.sender = request.sender;
      send_heartbeat(caller_of(request), id, waiting->timeout, Clock::now());
    }
    return true;
  }
  if (!request.repeat) return false;
  // A caller gives up when it has heard nothing for its timeout, and what it heard last may have
  // waited for as long. So an answer to it would have been sent within this time.
  const auto window = 2 * Clock::duration(timeout_of(request)) + longest_delay;
  if (!answered_.may_have_forgotten_within(window)) return false;
  refuse(request, refusal(Refusal::unknown,
                          "the request was repeated, and whether it ran before is no longer known "
                          "(MeshLimits::remembered_requests)",
                          Executed::maybe));
  return true;
}

void RequestServer::answer_repetition(const wire::Request& request,
                                      const AnsweredRequests::Answered& answered) {
  using Fate = AnsweredRequests::Fate;
  const bool is_unwanted = answered.fate == Fate::cancelled || answered.fate == Fate::never_wanted;
  if (!request.repeat || is_unwanted) return;
  const unsigned deliveries = answered.deliveries ? *answered.deliveries : 0;
  if (deliveries >= most_deliveries || (deliveries > 0 && !answered.response)) {
    // Once more would only cost the caller its connection again, and all that is on it.
    refuse(request,
           describe_lost_response(answered.size, deliveries, answered.response.has_value()));
  } else if (answered.response) {
    send(caller_of(request), Answer::Kind::response, std::string(*answered.response),
         timeout_of(request), Clock::now(), answered.deliveries);
  } else if (answered.fate == Fate::refused) {
    refuse(request, refusal(Refusal::refused,
                            "the request was not run, for a reason that is no longer "
                            "kept (MeshLimits::remembered_bytes)"));
  } else {
    refuse(request, {"the request ran, and its response is no longer kept "
                     "(MeshLimits::remembered_bytes)",
                     "unknown"});
  }
}

void RequestServer::refuse(const wire::Request& request, const wire::Failure& failure) {
  send(caller_of(request), Answer::Kind::response,
       encode_failure(request, failure, context_.limits), timeout_of(request));
}

// Nor does it run if it is repeated.
void RequestServer::refuse_for_good(const wire::Request& request, const wire::Failure& failure) {
  std::string response = encode_failure(request, failure, context_.limits);
  answered_.add(request.request_id, response, nullptr, AnsweredRequests::Fate::refused);
  send(caller_of(request), Answer::Kind::response, std::move(response), timeout_of(request));
}

// Its caller has given up, which a repetition that is still on its way does not change.
void RequestServer::drop_unwanted(const wire::Request& request) {
  ++counters_.requests_refused;
  answered_.add(request.request_id, std::string_view(), nullptr,
                AnsweredRequests::Fate::never_wanted);
}

milliseconds RequestServer::timeout_of(const wire::Request& request) const {
  return request.timeout.value_or(context_.default_timeout);
}

void RequestServer::send(const Caller& caller, Answer::Kind kind, std::string&& message,
                         milliseconds useful_for, TimePoint made_at,
                         std::shared_ptr<unsigned> deliveries) {
  send_(caller.node, Answer{kind, std::move(message), useful_for, made_at, caller.accepts,
                            std::move(deliveries)});
}

void RequestServer::enqueue(WaitingRequest waiting) {
  const auto now = Clock::now();
  refuse_overdue(now);
  if (!waiting_.has_room_for(waiting.request)) {
    ++counters_.requests_refused;
    refuse_for_good(
        waiting.request,
        refusal(Refusal::busy,
                "the node is busy: " + std::to_string(runner_->running()) +
                    " handlers are running and " + std::to_string(waiting_.size()) +
                    " requests are waiting (MeshLimits::concurrent_handlers, queued_handlers)"));
    return;
  }
  waiting_.push(std::move(waiting));
  set_alarm();
}

void RequestServer::refuse_overdue(TimePoint now) {
  while (const auto overdue = waiting_.pop_overdue(now)) {
    ++counters_.requests_refused;
    const std::string error = "the node is busy: the request has waited for a free handler for " +
                              std::to_string(context_.limits.queued_time.count()) +
                              " ms (MeshLimits::queued_time)";
    refuse_for_good(overdue->request, refusal(Refusal::busy, error));
  }
}

bool RequestServer::is_still_wanted(const wire::Request& request, std::optional<TimePoint> ends_at,
                                    TimePoint now) {
  if (!ends_at || *ends_at > now) return true;
  ++counters_.requests_refused;
  refuse_for_good(
      request, refusal(Refusal::deadline, "the caller's deadline has passed before it could run"));
  return false;
}

// A handler may already be about to answer; the caller has no use for that.
void RequestServer::on_cancel(const RequestId& request_id) {
  if (!is_serving()) return;
  if (Job* const job = jobs_.find(request_id)) {
    cancel_job(*job);
  } else if (!answered_.find(request_id)) {
    waiting_.remove(request_id);
    // It may come later than this, on another connection.
    answered_.note_time(Clock::now());
    answered_.add(request_id, std::string_view(), nullptr, AnsweredRequests::Fate::never_wanted);
  }
}

void RequestServer::cancel_job(Job& job) {
  job.is_cancelled = true;
  job.call->cancel();
  job.task.cancel();
}

/// When there is something to do for it.
TimePoint RequestServer::next_look_at(const Job& job, TimePoint next_heartbeat) {
  const bool may_be_late = job.call->deadline && !job.is_cancelled;
  return may_be_late ? std::min(*job.call->deadline, next_heartbeat) : next_heartbeat;
}

void RequestServer::run_waiting() {
  if (!is_serving()) return;
  while (!runner_->is_full()) {
    auto waiting = waiting_.pop();
    if (!waiting) return;
    const auto now = Clock::now();
    if (waiting->heard_at + waiting->timeout < now) {
      drop_unwanted(waiting->request);
      continue;
    }
    if (!is_still_wanted(waiting->request, waiting->ends_at, now)) continue;
    if (auto handler = handlers_.find(waiting->request.type)) {
      run(std::move(handler), std::move(waiting->request),
          {waiting->timeout, waiting->ends_at, waiting->next_heartbeat});
    } else {  // it was removed meanwhile
      refuse_for_good(waiting->request, {wire::no_handler_error(waiting->request.type)});
    }
  }
}

void RequestServer::run(std::shared_ptr<detail::RequestHandler> handler, wire::Request&& request,
                        const Times& times) {
  auto execution = std::make_shared<Execution>(std::move(handler), std::move(request),
                                               times.timeout, times.ends_at);
  Job started{caller_of(execution->request), execution};
  const TimePoint next_look = next_look_at(started, times.next_heartbeat);
  // The id is new, as is_repetition() has seen; and it cannot be gone before this has returned.
  Job& job = *jobs_.insert(execution->request.request_id, std::move(started), next_look);
  set_alarm();
  job.task = runner_->run(std::move(execution));
}

void RequestServer::on_broadcast(wire::Broadcast broadcast) {
  if (!is_serving()) return;
  ++counters_.broadcasts_received;
  auto handler = broadcast_handlers_.find(broadcast.type);
  if (!handler) return;
  // Broadcasts that come more quickly than they are handled must not take the place of all else.
  const std::size_t most = context_.limits.concurrent_handlers;
  const bool are_many = runner_->broadcasts_of(broadcast.sender, broadcast.type) >= most - most / 4;
  if (runner_->is_full() || are_many) {
    ++counters_.requests_refused;
    busy_log_.warn(Clock::now(), "dropped the broadcast \"" + broadcast.type +
                                     "\": too many handlers are running");
    return;
  }
  runner_->deliver(std::move(handler), std::move(broadcast));
}

void RequestServer::refuse_new() { refusing_ = true; }

void RequestServer::cancel_all() {
  runner_->begin_no_more();  // first, so that who is cancelled sees why
  for (const WaitingRequest& waiting : waiting_.drain()) {
    if (send_) refuse(waiting.request, refusal(Refusal::stopping, MeshStoppedError().what()));
  }
  for (const RequestId& id : jobs_.keys()) jobs_.find(id)->call->cancel();
  runner_->cancel_all();
}

asio::awaitable<bool> RequestServer::join_until(TimePoint deadline) {
  const bool joined = co_await runner_->join_until(deadline);
  forget_jobs();
  co_return joined;
}

void RequestServer::abandon() {
  forget_jobs();
  cancel_all();
}

void RequestServer::forget_jobs() {
  send_ = nullptr;
  for (const Job& job : jobs_.drain()) job.call->cancel();
  alarm_.set(std::nullopt);
}

void RequestServer::answer(std::shared_ptr<Execution> execution) {
  const RequestId& request_id = execution->request.request_id;
  const std::string& response = execution->response;
  const auto job = jobs_.extract(request_id);
  const auto now = Clock::now();
  answered_.note_time(now);
  const auto deliveries =
      response.size() < large_response ? nullptr : std::make_shared<unsigned>(0U);
  const bool is_wanted = !job || !job->is_cancelled;
  using Fate = AnsweredRequests::Fate;
  answered_.add(request_id, is_wanted ? std::string_view(response) : std::string_view(), deliveries,
                is_wanted ? Fate::ran : Fate::cancelled);
  // Nothing where the node has stopped without waiting for this handler. Its context may be kept by
  // the user, and must not keep the response.
  if (!job || !send_ || !is_wanted) {
    execution->response = std::string();
    return;
  }
  send(job->caller, Answer::Kind::response, std::move(execution->response), job->call->timeout, now,
       deliveries);
}

void RequestServer::use_room() {
  run_waiting();
  if (is_drained() && context_.on_drained) context_.on_drained();
}

void RequestServer::send_heartbeat(const Caller& caller, const RequestId& request_id,
                                   milliseconds timeout, TimePoint now) {
  send(caller, Answer::Kind::heartbeat, wire::encode_heartbeat(request_id.view()), timeout, now);
}

void RequestServer::on_alarm() {
  const auto now = Clock::now();
  refuse_overdue(now);
  const bool can_send = !context_.can_send || context_.can_send();
  while (WaitingRequest* const waiting = waiting_.take_due_heartbeat(now)) {
    if (can_send) waiting->heard_at = now;
    send_heartbeat(caller_of(waiting->request), waiting->request.request_id, waiting->timeout, now);
  }
  while (const auto due = jobs_.first_due(now)) {
    Job& job = *jobs_.find(*due);
    if (job.call->deadline && *job.call->deadline <= now) cancel_job(job);
    if (!job.is_cancelled) send_heartbeat(job.caller, *due, job.call->timeout, now);
    jobs_.move_deadline(*due, next_look_at(job, now + heartbeat_interval(job.call->timeout)));
  }
  set_alarm();
}

void RequestServer::set_alarm() {
  const auto next_job = jobs_.next_deadline();
  const auto next_waiting = waiting_.next_event();
  alarm_.set(next_job && next_waiting ? std::min(*next_job, *next_waiting)
                                      : (next_job ? next_job : next_waiting));
}

}  // namespace mesh::core
