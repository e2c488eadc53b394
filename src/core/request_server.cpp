#include <core/request_server.hpp>

#include <algorithm>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/system_error.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/post_completion.hpp>
#include <mesh/errors.hpp>

#include <async/run_on.hpp>
#include <core/heartbeat_interval.hpp>
#include <core/response_text.hpp>
#include <util/cancellation.hpp>
#include <util/describe_error.hpp>

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
      waiting_({context_.limits.queued_handlers, context_.limits.queued_bytes,
                context_.limits.queued_time}),
      lanes_(context_.executor),
      answered_(context_.limits.remembered_requests, context_.limits.remembered_bytes),
      busy_log_(context_.log),
      alarm_(context_.strand, [this] { on_alarm(); }),
      plain_ended_(context_.strand),
      tasks_(context_.strand, [log = context_.log](const std::exception_ptr& error) {
        log(LogLevel::error, "a broadcast handler failed: " + describe_error(error));
      }) {}

void RequestServer::start(SendAnswer send) {
  send_ = std::move(send);
  ++starts_;
  stopping_ = false;
  refusing_ = false;
}

void RequestServer::on_request(wire::Request request, std::optional<TimePoint> arrived_at) {
  if (!send_ || stopping_) return;
  ++counters_.requests_received;
  const auto now = Clock::now();
  answered_.note_time(now);
  if (is_repetition(request)) return;
  if (refusing_) {
    refuse(request, "the node is stopping");
    return;
  }
  const auto timeout = timeout_of(request);
  auto handler = handlers_.find(request.type);
  if (!handler) {
    refuse(request, wire::no_handler_error(request.type));
    return;
  }
  const TimePoint since = arrived_at.value_or(now);
  if (since + timeout < now) {
    ++counters_.requests_refused;  // its caller has given up
    return;
  }
  WaitingRequest waiting{std::move(request), timeout, since, since,
                         since + heartbeat_interval(timeout)};
  if (is_full()) {
    enqueue(std::move(waiting));
  } else {
    run(std::move(handler), std::move(waiting));
  }
}

void RequestServer::on_unreadable(const wire::Request& request, const std::string& reason) {
  if (!send_ || stopping_) return;
  answered_.note_time(Clock::now());
  if (is_repetition(request)) return;
  refuse_for_good(request, "the request was not run: " + reason);
}

// The same id again is a repetition of a request that was or is being worked on.
bool RequestServer::is_repetition(const wire::Request& request) {
  const RequestId& id = request.request_id;
  if (const auto* const answered = answered_.find(id)) {
    ++counters_.requests_repeated;
    answer_repetition(request, *answered);
    return true;
  }
  if (Job* const job = jobs_.find(id)) {
    ++counters_.requests_repeated;
    if (request.repeat) {
      // The caller may have another id by now, and may have missed a heartbeat.
      job->caller = request.sender;
      send_heartbeat(job->caller, id, job->timeout, Clock::now());
    }
    return true;
  }
  if (WaitingRequest* const waiting = waiting_.find(id)) {
    ++counters_.requests_repeated;
    if (request.repeat) {
      waiting->request.sender = request.sender;
      send_heartbeat(request.sender, id, waiting->timeout, Clock::now());
    }
    return true;
  }
  if (!request.repeat) return false;
  // A caller gives up when it has heard nothing for its timeout, and what it heard last may have
  // waited for as long. So an answer to it would have been sent within this time.
  const auto window = 2 * Clock::duration(timeout_of(request)) + longest_delay;
  if (!answered_.may_have_forgotten_within(window)) return false;
  refuse(request,
         "the request was repeated, and whether it ran before is no longer known "
         "(MeshLimits::remembered_requests)");
  return true;
}

void RequestServer::answer_repetition(const wire::Request& request,
                                      const AnsweredRequests::Answered& answered) {
  if (!request.repeat) return;
  const unsigned deliveries = answered.deliveries ? *answered.deliveries : 0;
  if (deliveries >= most_deliveries || (deliveries > 0 && !answered.response)) {
    // Once more would only cost the caller its connection again, and all that is on it.
    refuse(request,
           describe_lost_response(answered.size, deliveries, answered.response.has_value()));
  } else if (answered.response) {
    send(request.sender, Answer::Kind::response, std::string(*answered.response),
         timeout_of(request), Clock::now(), answered.deliveries);
  } else {
    refuse(request,
           "the request ran, and its response is no longer kept "
           "(MeshLimits::remembered_bytes)");
  }
}

void RequestServer::refuse(const wire::Request& request, const std::string& error) {
  send(request.sender, Answer::Kind::response, wire::encode_error(request.request_id.view(), error),
       timeout_of(request));
}

// Nor does it run if it is repeated.
void RequestServer::refuse_for_good(const wire::Request& request, const std::string& error) {
  std::string response = wire::encode_error(request.request_id.view(), error);
  answered_.add(request.request_id, response);
  send(request.sender, Answer::Kind::response, std::move(response), timeout_of(request));
}

milliseconds RequestServer::timeout_of(const wire::Request& request) const {
  return request.timeout.value_or(context_.default_timeout);
}

void RequestServer::send(InstanceId target, Answer::Kind kind, std::string message,
                         milliseconds useful_for, TimePoint made_at,
                         std::shared_ptr<unsigned> deliveries) {
  auto shared = std::make_shared<const std::string>(std::move(message));
  send_(target, Answer{kind, std::move(shared), useful_for, made_at, std::move(deliveries)});
}

void RequestServer::enqueue(WaitingRequest waiting) {
  const auto now = Clock::now();
  refuse_overdue(now);
  if (!waiting_.has_room_for(waiting.request)) {
    ++counters_.requests_refused;
    refuse(waiting.request,
           "the node is busy: " + std::to_string(running_) + " handlers are running and " +
               std::to_string(waiting_.size()) +
               " requests are waiting (MeshLimits::concurrent_handlers, queued_handlers)");
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
    refuse_for_good(overdue->request, error);
  }
}

void RequestServer::run_waiting() {
  if (stopping_ || !send_) return;
  while (!is_full()) {
    auto waiting = waiting_.pop();
    if (!waiting) return;
    if (waiting->heard_at + waiting->timeout < Clock::now()) {
      ++counters_.requests_refused;  // its caller has given up
      continue;
    }
    auto handler = handlers_.find(waiting->request.type);
    run(std::move(handler), std::move(*waiting));
  }
}

void RequestServer::run(std::shared_ptr<detail::RequestHandler> handler, WaitingRequest waiting) {
  wire::Request& request = waiting.request;
  jobs_.insert(request.request_id, Job{request.sender, waiting.timeout}, waiting.next_heartbeat);
  set_alarm();
  ++running_;
  if (handler->is_plain()) {
    run_plain(std::move(handler), std::move(request));
    return;
  }
  tasks_.spawn_on(asio::make_strand(context_.executor),
                  serve(shared_from_this(), std::move(handler), std::move(request), starts_));
}

void RequestServer::run_plain(std::shared_ptr<detail::RequestHandler> handler,
                              wire::Request request) {
  struct Run {
    std::shared_ptr<detail::RequestHandler> handler;
    wire::Request request;
    unsigned start = 0;
    std::string response{};
  };
  ++running_plain_;
  auto run = std::make_unique<Run>(Run{std::move(handler), std::move(request), starts_});
  detail::post_to(context_.executor, [self = shared_from_this(), run = std::move(run)]() mutable {
    run->response = self->serve_now(*run->handler, run->request, run->start);
    run->handler.reset();  // what it holds may be the user's, so not on the strand
    // As at the end of serve().
    const Strand strand = self->context_.strand;
    asio::post(strand, [self = std::move(self), run = std::move(run)] {
      --self->running_plain_;
      self->finish(run->request.request_id, std::move(run->response));
      if (self->running_plain_ == 0) self->plain_ended_.notify_all();
    });
  });
}

void RequestServer::on_broadcast(wire::Broadcast broadcast) {
  if (!send_ || stopping_) return;
  ++counters_.broadcasts_received;
  auto handler = broadcast_handlers_.find(broadcast.type);
  if (!handler) return;
  // Broadcasts that come more quickly than they are handled must not take the place of all else.
  const std::size_t most = context_.limits.concurrent_handlers;
  if (is_full() || lanes_.size_of(broadcast.sender, broadcast.type) >= most - most / 4) {
    ++counters_.requests_refused;
    busy_log_.warn(Clock::now(), "dropped the broadcast \"" + broadcast.type +
                                     "\": too many handlers are running");
    return;
  }
  ++running_;
  const auto lane = lanes_.enter(broadcast.sender, broadcast.type);
  tasks_.spawn_on(lane,
                  deliver(shared_from_this(), std::move(handler), std::move(broadcast), starts_));
}

void RequestServer::refuse_new() { refusing_ = true; }

void RequestServer::cancel_all() {
  stopping_ = true;
  for (const WaitingRequest& waiting : waiting_.drain()) {
    if (send_) refuse(waiting.request, MeshStoppedError().what());
  }
  tasks_.cancel_all();
}

asio::awaitable<bool> RequestServer::join_until(TimePoint deadline) {
  const bool joined = co_await tasks_.join_until(deadline);
  while (running_plain_ > 0) {
    if (!co_await plain_ended_.wait_until(deadline)) break;
  }
  forget_jobs();
  co_return joined && (running_plain_ == 0);
}

void RequestServer::abandon() {
  forget_jobs();
  cancel_all();
}

void RequestServer::forget_jobs() {
  send_ = nullptr;
  jobs_.drain();
  alarm_.set(std::nullopt);
}

asio::awaitable<void> RequestServer::serve(std::shared_ptr<RequestServer> self,
                                           std::shared_ptr<detail::RequestHandler> handler,
                                           wire::Request request, unsigned start) {
  std::exception_ptr error;
  std::string response;
  try {
    co_await leave_strand();
    if (is_stopped(start)) throw MeshStoppedError();
    detail::Json data = std::move(request.data);
    const detail::Json result = co_await handler->handle(std::move(data));
    response = encode_result(request, result, context_.limits);
  } catch (...) {
    error = std::current_exception();
  }
  if (error)
    response = encode_failure(request.request_id, describe_failure(error), context_.limits);
  // The reference goes along: it may be the last one, and the server must be destroyed there.
  const Strand strand = context_.strand;
  asio::post(strand,
             [self = std::move(self), id = std::move(request.request_id),
              response = std::move(response)]() mutable { self->finish(id, std::move(response)); });
}

std::string RequestServer::serve_now(detail::RequestHandler& handler, wire::Request& request,
                                     unsigned start) const {
  try {
    if (is_stopped(start)) throw MeshStoppedError();
    return encode_result(request, handler.handle_now(std::move(request.data)), context_.limits);
  } catch (...) {
    return encode_failure(request.request_id, describe_failure(std::current_exception()),
                          context_.limits);
  }
}

asio::awaitable<void> RequestServer::deliver(std::shared_ptr<RequestServer> self,
                                             std::shared_ptr<detail::BroadcastHandler> handler,
                                             wire::Broadcast broadcast, unsigned start) {
  std::exception_ptr error;
  try {
    co_await leave_strand();
    if (is_stopped(start)) throw boost::system::system_error(asio::error::operation_aborted);
    detail::Json data = std::move(broadcast.data);
    co_await handler->handle(std::move(data), broadcast.sender);
  } catch (...) {
    error = std::current_exception();
  }
  const Strand strand = context_.strand;
  asio::post(strand,
             [self = std::move(self), sender = broadcast.sender, type = std::move(broadcast.type)] {
               self->lanes_.leave(sender, type);
               self->note_end();
             });
  if (error) std::rethrow_exception(error);
}

std::string RequestServer::describe_failure(const std::exception_ptr& error) const {
  if (stopping_ && is_cancellation(error)) return MeshStoppedError().what();
  return describe_error(error);
}

void RequestServer::finish(const RequestId& request_id, std::string response) {
  const auto job = jobs_.extract(request_id);
  const auto now = Clock::now();
  answered_.note_time(now);
  const auto deliveries =
      response.size() < large_response ? nullptr : std::make_shared<unsigned>(0U);
  answered_.add(request_id, response, deliveries);
  // Nothing where the node has stopped without waiting for this handler.
  if (job && send_) {
    send(job->caller, Answer::Kind::response, std::move(response), job->timeout, now, deliveries);
  }
  note_end();
}

void RequestServer::note_end() {
  --running_;
  run_waiting();
  if (is_drained() && context_.on_drained) context_.on_drained();
}

void RequestServer::send_heartbeat(InstanceId caller, const RequestId& request_id,
                                   milliseconds timeout, TimePoint now) {
  send(caller, Answer::Kind::heartbeat, wire::encode_heartbeat(request_id.view()), timeout, now);
}

void RequestServer::on_alarm() {
  const auto now = Clock::now();
  refuse_overdue(now);
  const bool can_send = !context_.can_send || context_.can_send();
  while (WaitingRequest* const waiting = waiting_.take_due_heartbeat(now)) {
    if (can_send) waiting->heard_at = now;
    send_heartbeat(waiting->request.sender, waiting->request.request_id, waiting->timeout, now);
  }
  while (const auto due = jobs_.first_due(now)) {
    const Job& job = *jobs_.find(*due);
    send_heartbeat(job.caller, *due, job.timeout, now);
    jobs_.move_deadline(*due, now + heartbeat_interval(job.timeout));
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
