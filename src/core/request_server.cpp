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

// One that Redis may not be able to send.
constexpr std::size_t large_response = std::size_t{64} << 10U;

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
  if (const auto builtin = find_builtin_handler(request.type)) {
    answer_by(*builtin, request, now);
    return;
  }
  if (is_repetition(request)) return;
  if (refusing_) {
    count_refused(request);
    refuse(request, refusal(Refusal::stopping, "the node is stopping"));
    return;
  }
  const auto timeout = timeout_of(request);
  auto handler = handlers_->find(request.type);
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
    run(std::move(handler), std::move(request), {timeout, ends_at, next_heartbeat, since});
  }
  note_load();
}

std::shared_ptr<detail::RequestHandler> RequestServer::find_builtin_handler(
    std::string_view type) const {
  if (!type.starts_with('$')) return nullptr;
  const auto found = builtin_handlers_.find(type);
  return found == builtin_handlers_.end() ? nullptr : found->second;
}

// It may run again, so there is no need to remember it, nor room for it among the users' answers.
void RequestServer::answer_by(detail::RequestHandler& builtin, const wire::Request& request,
                              TimePoint now) {
  std::string response = wire::begin_response(request.request_id.view());
  const std::size_t data_begin = response.size();
  CallContext context(nullptr);
  builtin.handle_now(context, request.data, response);
  if (const auto failure = complete_response(response, data_begin, request.type, context_.limits)) {
    response = encode_failure(request, *failure, context_.limits);
  }
  send(caller_of(request), Answer::Kind::response, std::move(response), timeout_of(request), now);
}

// The names of what nobody handles are anybody's.
void RequestServer::count_unrun(const wire::Request& request, introspection::HandlerEnding ending) {
  if (!handlers_->contains(request.type)) return;
  counters_.handlers.note(request.type, ending, [] { return Clock::duration::zero(); });
}

void RequestServer::count_refused(const wire::Request& request) {
  count_unrun(request, introspection::HandlerEnding::refused);
}

void RequestServer::note_load() {
  counters_.handlers_running.set(runner_->running());
  counters_.requests_queued.set(waiting_.size());
}

void RequestServer::on_unreadable(const wire::Request& request, const wire::Malformed& message) {
  if (!is_serving()) return;
  answered_.note_time(Clock::now());
  if (is_repetition(request)) return;
  std::string text = "the request was not run: " + message.reason;
  refuse_for_good(request, message.exceeds_limit ? refusal(Refusal::limit, std::move(text))
                                                 : wire::Failure{std::move(text), "decode"});
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
  count_refused(request);
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
    count_refused(waiting.request);
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
    count_refused(overdue->request);
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
  count_refused(request);
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
    if (const WaitingRequest* const waiting = waiting_.find(request_id)) {
      count_unrun(waiting->request, introspection::HandlerEnding::cancelled);
    }
    waiting_.remove(request_id);
    note_load();
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
    if (auto handler = handlers_->find(waiting->request.type)) {
      run(std::move(handler), std::move(waiting->request),
          {waiting->timeout, waiting->ends_at, waiting->next_heartbeat, waiting->arrived_at});
    } else {  // it was removed meanwhile
      refuse_for_good(waiting->request, {wire::no_handler_error(waiting->request.type)});
    }
  }
}

void RequestServer::run(std::shared_ptr<detail::RequestHandler> handler, wire::Request&& request,
                        const Times& times) {
  auto execution = std::make_shared<Execution>(std::move(handler), std::move(request),
                                               times.timeout, times.ends_at);
  execution->arrived_at = times.arrived_at;
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
  note_load();
}

void RequestServer::refuse_new() { refusing_ = true; }

void RequestServer::cancel_all() {
  runner_->begin_no_more();  // first, so that who is cancelled sees why
  for (const WaitingRequest& waiting : waiting_.drain()) {
    count_refused(waiting.request);
    if (send_) refuse(waiting.request, refusal(Refusal::stopping, MeshStoppedError().what()));
  }
  note_load();
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
  counters_.handlers.note(execution->request.type,
                          is_wanted ? execution->ending : introspection::HandlerEnding::cancelled,
                          [&] { return now - execution->arrived_at; });
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
  note_load();
  if (is_drained() && context_.on_drained) context_.on_drained();
}

void RequestServer::send_heartbeat(const Caller& caller, const RequestId& request_id,
                                   milliseconds timeout, TimePoint now) {
  send(caller, Answer::Kind::heartbeat, wire::encode_heartbeat(request_id.view()), timeout, now);
}

void RequestServer::on_alarm() {
  const auto now = Clock::now();
  refuse_overdue(now);
  note_load();
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
