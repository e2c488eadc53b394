#include <core/request_server.hpp>

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/errors.hpp>

#include <async/run_on.hpp>
#include <util/cancellation.hpp>
#include <util/describe_error.hpp>

namespace mesh::core {

namespace {

using std::chrono::milliseconds;

// The floor keeps a caller with a tiny timeout from drawing a flood.
Clock::duration heartbeat_interval(milliseconds timeout) {
  return std::max<Clock::duration>(Clock::duration(timeout) * 3 / 4, milliseconds(10));
}

}  // namespace

RequestServer::RequestServer(Context context, Counters& counters)
    : context_(std::move(context)),
      counters_(counters),
      busy_log_(context_.log),
      alarm_(context_.strand, [this] { send_heartbeats(); }),
      tasks_(context_.strand, [log = context_.log](const std::exception_ptr& error) {
        log(LogLevel::error, "a broadcast handler failed: " + describe_error(error));
      }) {}

void RequestServer::start(Send send) {
  send_ = std::move(send);
  stopping_ = false;
}

void RequestServer::on_request(wire::Request request) {
  if (!send_ || stopping_) return;
  ++counters_.requests_received;
  // The same id again is a repetition of a request that was or is being worked on.
  if (answered_.contains(request.request_id) || jobs_.find(request.request_id) != nullptr) return;
  const milliseconds timeout = request.timeout.value_or(context_.default_timeout);
  const auto refuse = [&](const std::string& error) {
    send_(request.sender, wire::encode_error(request.request_id, error), timeout);
  };
  auto handler = handlers_.find(request.type);
  if (!handler) {
    refuse(wire::no_handler_error(request.type));
    return;
  }
  if (is_full()) {
    ++counters_.requests_refused;
    refuse("the node is busy: " + std::to_string(context_.limits.concurrent_handlers) +
           " handlers are running (MeshLimits::concurrent_handlers)");
    return;
  }
  jobs_.insert(request.request_id, Job{request.sender, timeout},
               Clock::now() + heartbeat_interval(timeout));
  alarm_.set(jobs_.next_deadline());
  tasks_.spawn_on(asio::make_strand(context_.executor),
                  serve(shared_from_this(), std::move(handler), std::move(request)));
}

void RequestServer::on_broadcast(wire::Broadcast broadcast) {
  if (!send_ || stopping_) return;
  ++counters_.broadcasts_received;
  auto handler = broadcast_handlers_.find(broadcast.type);
  if (!handler) return;
  if (is_full()) {
    ++counters_.requests_refused;
    busy_log_.warn(Clock::now(), "dropped the broadcast \"" + broadcast.type +
                                     "\": too many handlers are running");
    return;
  }
  tasks_.spawn_on(asio::make_strand(context_.executor),
                  deliver(shared_from_this(), std::move(handler), std::move(broadcast)));
}

void RequestServer::cancel_all() {
  stopping_ = true;
  tasks_.cancel_all();
}

asio::awaitable<bool> RequestServer::join_until(TimePoint deadline) {
  const bool joined = co_await tasks_.join_until(deadline);
  forget_jobs();
  co_return joined;
}

void RequestServer::abandon() {
  cancel_all();
  forget_jobs();
}

void RequestServer::forget_jobs() {
  send_ = nullptr;
  jobs_.drain();
  alarm_.set(std::nullopt);
}

asio::awaitable<void> RequestServer::serve(std::shared_ptr<RequestServer> self,
                                           std::shared_ptr<detail::RequestHandler> handler,
                                           wire::Request request) {
  std::exception_ptr error;
  std::string response;
  try {
    co_await leave_strand();
    detail::Json data = std::move(request.data);
    const detail::Json result = co_await handler->handle(std::move(data));
    response = encode_result(request, result);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) response = encode_failure(request.request_id, error);
  asio::post(context_.strand,
             [self, id = std::move(request.request_id), response = std::move(response)]() mutable {
               self->finish(id, std::move(response));
             });
}

asio::awaitable<void> RequestServer::deliver(std::shared_ptr<RequestServer> /*self*/,
                                             std::shared_ptr<detail::BroadcastHandler> handler,
                                             wire::Broadcast broadcast) {
  co_await leave_strand();
  detail::Json data = std::move(broadcast.data);
  co_await handler->handle(std::move(data), broadcast.sender);
}

std::string RequestServer::encode_result(const wire::Request& request,
                                         const detail::Json& result) const {
  std::string response =
      wire::encode_response(request.request_id, detail::to_json_text(request.type, result));
  if (response.size() > context_.limits.message_size) {
    throw MeshLimitError("the response to \"" + request.type + "\" has " +
                         std::to_string(response.size()) +
                         " bytes, more than MeshLimits::message_size");
  }
  return response;
}

std::string RequestServer::encode_failure(const std::string& request_id,
                                          const std::exception_ptr& error) const {
  std::string response = wire::encode_error(request_id, describe_failure(error));
  if (response.size() <= context_.limits.message_size) return response;
  return wire::encode_error(request_id,
                            "the handler failed with a text beyond MeshLimits::message_size");
}

std::string RequestServer::describe_failure(const std::exception_ptr& error) const {
  if (stopping_ && is_cancellation(error)) return MeshStoppedError().what();
  return describe_error(error);
}

void RequestServer::finish(const std::string& request_id, std::string response) {
  const auto job = jobs_.extract(request_id);
  answered_.add(request_id);
  // Nothing where the node has stopped without waiting for this handler.
  if (job && send_) send_(job->caller, std::move(response), job->timeout);
}

void RequestServer::send_heartbeats() {
  const auto now = Clock::now();
  while (const auto due = jobs_.first_due(now)) {
    const Job& job = *jobs_.find(*due);
    send_(job.caller, wire::encode_heartbeat(*due), job.timeout);
    jobs_.move_deadline(*due, now + heartbeat_interval(job.timeout));
  }
  alarm_.set(jobs_.next_deadline());
}

}  // namespace mesh::core
