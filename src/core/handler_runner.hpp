#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <mesh/detail/gate.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/options.hpp>

#include <async/event.hpp>
#include <async/inplace_memory.hpp>
#include <async/strand.hpp>
#include <async/strand_batch.hpp>
#include <async/task_group.hpp>
#include <core/broadcast_lanes.hpp>
#include <core/interception.hpp>
#include <core/served_call.hpp>
#include <introspection/figures_by_type.hpp>
#include <wire/messages.hpp>

namespace mesh::core {

/// A request with its handler, and the response that is made of them.
struct Execution : ServedCall {
  Execution(std::shared_ptr<detail::RequestHandler> handler_, wire::Request&& request_,
            std::chrono::milliseconds timeout_, std::optional<TimePoint> deadline_)
      : ServedCall(std::move(request_), timeout_, deadline_), handler(std::move(handler_)) {}

  std::shared_ptr<detail::RequestHandler> handler;
  unsigned session = 0;  ///< In which it was to run.
  bool is_plain = false;
  std::optional<TimePoint> begun_at{};  ///< Set if interceptors were told of it.
  TimePoint arrived_at{};
  introspection::HandlerEnding ending = introspection::HandlerEnding::succeeded;
  std::string response{};
  std::size_t data_begin = 0;   ///< In the response.
  InplaceMemory post_memory{};  ///< For having it run.

  /// When the handler is done, since the user may keep the context.
  void forget_input();
};

/// Runs handlers on the user's executor, and tells of their ends on the strand. What is not said to
/// be called from any thread must be called on the strand.
class HandlerRunner : public std::enable_shared_from_this<HandlerRunner> {
 public:
  struct Context {
    Strand strand;
    asio::any_io_executor executor;  ///< Where the handlers run.
    MeshLimits limits;
    LogSink log;
    /// Once it is closed, no handler begins.
    std::shared_ptr<const detail::Gate> gate;
    std::shared_ptr<const Interception> interception;  ///< Null if there are no interceptors.
  };
  struct Callbacks {
    std::function<void(std::shared_ptr<Execution>)> on_response;
    std::function<void()> on_room;  ///< Another handler may run.
  };

  explicit HandlerRunner(Context context);
  HandlerRunner(const HandlerRunner&) = delete;
  HandlerRunner& operator=(const HandlerRunner&) = delete;

  void start(Callbacks callbacks);
  /// How many handlers run, those of broadcasts included.
  std::size_t running() const { return running_; }
  bool is_full() const { return running_ >= context_.limits.concurrent_handlers; }
  /// Of the broadcasts of that sender and type, how many have not been handled.
  std::size_t broadcasts_of(InstanceId sender, const std::string& type) const {
    return lanes_.size_of(sender, type);
  }

  /// Its response is told of later. By the handle it can be cancelled, if it is a coroutine.
  TaskHandle run(std::shared_ptr<Execution> execution);
  void deliver(std::shared_ptr<detail::BroadcastHandler> handler, wire::Broadcast broadcast);

  void begin_no_more() { stopping_ = true; }
  /// The same, and those that are coroutines are cancelled.
  void cancel_all();
  bool is_stopping() const { return stopping_; }
  /// False if some were still running at the deadline.
  asio::awaitable<bool> join_until(TimePoint deadline);

 private:
  void run_plain(std::shared_ptr<Execution> execution);
  void serve_now(const std::shared_ptr<Execution>& execution) const;
  asio::awaitable<void> serve(std::shared_ptr<HandlerRunner> self,
                              std::shared_ptr<Execution> execution);
  asio::awaitable<void> handle_broadcast(std::shared_ptr<HandlerRunner> self,
                                         std::shared_ptr<detail::BroadcastHandler> handler,
                                         wire::Broadcast broadcast, unsigned session);
  /// Whether a handler that was to run in that session must not begin any more. From any thread.
  bool is_stopped(unsigned session) const {
    return stopping_ || session != session_ || !context_.gate->is_open();
  }
  void check_may_begin(const Execution& execution) const;
  void begin(const CallContext& context, Execution& execution) const;
  void note_outcome(const std::shared_ptr<Execution>& execution,
                    const std::exception_ptr& error) const;
  void complete(Execution& execution) const;
  /// Makes the response tell of the error.
  void fail(Execution& execution, const std::exception_ptr& error) const;
  void finish(std::shared_ptr<Execution> execution);

  Context context_;
  Callbacks callbacks_;
  std::shared_ptr<StrandBatch<HandlerRunner, std::shared_ptr<Execution>>> ended_;
  BroadcastLanes lanes_;
  std::size_t running_ = 0;
  std::size_t running_plain_ = 0;  // of these, functions that are no coroutines
  Event plain_ended_;
  std::atomic<bool> stopping_{false};
  std::atomic<unsigned> session_{0};  // counts the starts
  TaskGroup tasks_;
};

}  // namespace mesh::core
