#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <mesh/detail/gate.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/options.hpp>

#include <async/alarm.hpp>
#include <async/strand.hpp>
#include <async/task_group.hpp>
#include <core/answer.hpp>
#include <core/answered_requests.hpp>
#include <core/counters.hpp>
#include <core/deadline_map.hpp>
#include <core/handler_runner.hpp>
#include <core/handler_table.hpp>
#include <core/served_call.hpp>
#include <core/waiting_requests.hpp>
#include <introspection/builtin_handlers.hpp>
#include <util/rate_limited_log.hpp>
#include <wire/messages.hpp>

namespace mesh::core {

/// Takes the requests of other nodes: has their handlers run, each request once, sends their
/// callers heartbeats meanwhile and the response in the end. Requests beyond the number of handlers
/// that may run at once wait in a bounded queue, and their callers are sent heartbeats as well. It
/// may be destroyed while handlers run. All members must be called on the strand.
class RequestServer : public std::enable_shared_from_this<RequestServer> {
 public:
  struct Context {
    Strand strand;
    asio::any_io_executor executor;  ///< Where the handlers run.
    MeshLimits limits;
    std::chrono::milliseconds default_timeout;
    LogSink log;
    std::function<void()> on_drained{};  ///< Called whenever the last request has been answered.
    /// Whether what is sent leaves at once; if not set, it always does.
    std::function<bool()> can_send{};
    /// Once it is closed, no handler begins.
    std::shared_ptr<const detail::Gate> gate = std::make_shared<detail::Gate>();
    std::shared_ptr<const Interception> interception{};  ///< Null if there are no interceptors.
  };

  RequestServer(Context context, Counters& counters);
  RequestServer(const RequestServer&) = delete;
  RequestServer& operator=(const RequestServer&) = delete;

  using Handlers = HandlerTable<detail::RequestHandler>;
  Handlers& handlers() { return *handlers_; }
  const std::shared_ptr<Handlers>& shared_handlers() const { return handlers_; }
  HandlerTable<detail::BroadcastHandler>& broadcast_handlers() { return broadcast_handlers_; }
  /// Of the library itself: they go before all others and never block. They answer at once and on
  /// the strand, whatever the user's handlers do, and also while new requests are refused. To be
  /// set before anybody else knows the server; afterwards they may be looked up from any thread.
  void set_builtin_handlers(introspection::BuiltinHandlers handlers) {
    builtin_handlers_ = std::move(handlers);
  }
  /// Null if there is none.
  std::shared_ptr<detail::RequestHandler> find_builtin_handler(std::string_view type) const;

  void start(SendAnswer send);
  /// What has waited for its caller's timeout since it arrived, if not now, is not run any more.
  void on_request(wire::Request&& request, std::optional<TimePoint> arrived_at = std::nullopt);
  /// Tells the caller why its request cannot be read.
  void on_unreadable(const wire::Request& request, const wire::Malformed& message);
  /// The caller has given up the request, which may be yet to come: it gets no answer any more.
  void on_cancel(const RequestId& request_id);
  void on_broadcast(wire::Broadcast broadcast);

  /// Refuses what comes from now on; what runs or waits goes on.
  void refuse_new();
  /// Whether no request is being worked on or waits.
  bool is_drained() const { return jobs_.empty() && waiting_.empty(); }
  /// Cancels what runs; the callers get an error. Until `start()` requests are ignored.
  void cancel_all();
  /// Cancels what runs, without waiting and without a word to the callers.
  void abandon();
  /// False if some handlers were still running at the deadline; nothing more is sent for those.
  asio::awaitable<bool> join_until(TimePoint deadline);

 private:
  struct Caller {
    InstanceId node = 0;
    unsigned accepts = 0;  ///< Its features.
  };

  /// A handler at work for another node.
  struct Job {
    Caller caller{};
    std::shared_ptr<ServedCall> call{};
    TaskHandle task{};  ///< Its coroutine, if it is one.
    bool is_cancelled = false;
  };

  struct Times {
    std::chrono::milliseconds timeout{0};  ///< Of the caller.
    std::optional<TimePoint> ends_at{};    ///< Its deadline.
    TimePoint next_heartbeat{};
    TimePoint arrived_at{};
  };

  bool is_repetition(const wire::Request& request);
  void answer_repetition(const wire::Request& request, const AnsweredRequests::Answered& answered);
  void refuse(const wire::Request& request, const wire::Failure& failure);
  void refuse_for_good(const wire::Request& request, const wire::Failure& failure);
  void drop_unwanted(const wire::Request& request);
  void answer_by(detail::RequestHandler& builtin, const wire::Request& request, TimePoint now);
  /// Of one that ends without having run.
  void count_unrun(const wire::Request& request, introspection::HandlerEnding ending);
  void count_refused(const wire::Request& request);
  void note_load();
  void enqueue(WaitingRequest waiting);
  void refuse_overdue(TimePoint now);
  /// False for what is not to run any more.
  bool is_still_wanted(const wire::Request& request, std::optional<TimePoint> ends_at,
                       TimePoint now);
  static void cancel_job(Job& job);
  static TimePoint next_look_at(const Job& job, TimePoint next_heartbeat);
  void run_waiting();
  void run(std::shared_ptr<detail::RequestHandler> handler, wire::Request&& request,
           const Times& times);
  std::chrono::milliseconds timeout_of(const wire::Request& request) const;
  void answer(std::shared_ptr<Execution> execution);
  void use_room();
  static Caller caller_of(const wire::Request& request) {
    return {request.sender, request.accepts};
  }
  void send(const Caller& caller, Answer::Kind kind, std::string&& message,
            std::chrono::milliseconds useful_for, TimePoint made_at = Clock::now(),
            std::shared_ptr<unsigned> deliveries = nullptr);
  void send_heartbeat(const Caller& caller, const RequestId& request_id,
                      std::chrono::milliseconds timeout, TimePoint now);
  void on_alarm();
  void set_alarm();
  void forget_jobs();
  bool is_serving() const { return send_ && !runner_->is_stopping(); }

  Context context_;
  Counters& counters_;
  SendAnswer send_;
  std::shared_ptr<HandlerRunner> runner_;
  std::shared_ptr<Handlers> handlers_ = std::make_shared<Handlers>();
  HandlerTable<detail::BroadcastHandler> broadcast_handlers_;
  introspection::BuiltinHandlers builtin_handlers_;
  DeadlineMap<RequestId, Job> jobs_;  // by request id; the deadline is that of the next heartbeat
  WaitingRequests waiting_;
  AnsweredRequests answered_;
  RateLimitedLog busy_log_;
  Alarm alarm_;
  bool refusing_ = false;
};

}  // namespace mesh::core
