#include <core/handler_runner.hpp>

#include <utility>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/system_error.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/post_completion.hpp>
#include <mesh/errors.hpp>

#include <async/run_on.hpp>
#include <core/response_text.hpp>
#include <util/cancellation.hpp>
#include <util/describe_error.hpp>
#include <wire/encode.hpp>

namespace mesh::core {

// What the handler holds may be the user's, so it must not be destroyed on the strand.
void Execution::forget_input() {
  handler.reset();
  request.data = std::string();
}

HandlerRunner::HandlerRunner(Context context)
    : context_(std::move(context)),
      ended_(std::make_shared<StrandBatch<HandlerRunner, std::shared_ptr<Execution>>>(
          context_.strand,
          [](HandlerRunner& runner, std::shared_ptr<Execution>&& execution) {
            runner.finish(std::move(execution));
          })),
      lanes_(context_.executor),
      plain_ended_(context_.strand),
      tasks_(context_.strand, [log = context_.log](const std::exception_ptr& error) {
        log(LogLevel::error, "a broadcast handler failed: " + describe_error(error));
      }) {}

void HandlerRunner::start(Callbacks callbacks) {
  callbacks_ = std::move(callbacks);
  ++session_;
  stopping_ = false;
}

TaskHandle HandlerRunner::run(std::shared_ptr<Execution> execution) {
  ++running_;
  execution->session = session_;
  if (execution->handler->is_plain()) {
    run_plain(std::move(execution));
    return {};
  }
  return tasks_.spawn_on(asio::make_strand(context_.executor),
                         serve(shared_from_this(), std::move(execution)));
}

void HandlerRunner::run_plain(std::shared_ptr<Execution> execution) {
  ++running_plain_;
  execution->is_plain = true;
  const InplaceAllocator<void> memory(execution->post_memory);
  auto run = [self = shared_from_this(), execution = std::move(execution)]() mutable {
    self->serve_now(execution);
    execution->forget_input();
    // As at the end of serve().
    const auto ended = self->ended_;
    ended->push(std::move(self), std::move(execution));
  };
  detail::post_to(context_.executor, asio::bind_allocator(memory, std::move(run)));
}

void HandlerRunner::deliver(std::shared_ptr<detail::BroadcastHandler> handler,
                            wire::Broadcast broadcast) {
  ++running_;
  const auto lane = lanes_.enter(broadcast.sender, broadcast.type);
  tasks_.spawn_on(lane, handle_broadcast(shared_from_this(), std::move(handler),
                                         std::move(broadcast), session_));
}

void HandlerRunner::cancel_all() {
  begin_no_more();
  tasks_.cancel_all();
}

asio::awaitable<bool> HandlerRunner::join_until(TimePoint deadline) {
  const bool joined = co_await tasks_.join_until(deadline);
  while (running_plain_ > 0) {
    if (!co_await plain_ended_.wait_until(deadline)) break;
  }
  co_return joined && (running_plain_ == 0);
}

asio::awaitable<void> HandlerRunner::serve(std::shared_ptr<HandlerRunner> self,
                                           std::shared_ptr<Execution> execution) {
  const wire::Request& request = execution->request;
  std::exception_ptr error;
  try {
    co_await leave_strand();
    check_may_begin(*execution);
    CallContext context(execution);
    begin(context, *execution);
    co_await execution->handler->handle(context, request.data, execution->response);
    complete(*execution);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) fail(*execution, error);
  note_outcome(execution, error);
  execution->forget_input();
  // The reference goes along: it may be the last one, and this must be destroyed there.
  const auto ended = ended_;
  ended->push(std::move(self), std::move(execution));
}

void HandlerRunner::serve_now(const std::shared_ptr<Execution>& execution) const {
  const wire::Request& request = execution->request;
  std::exception_ptr error;
  try {
    check_may_begin(*execution);
    CallContext context(execution);
    begin(context, *execution);
    execution->handler->handle_now(context, request.data, execution->response);
    complete(*execution);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) fail(*execution, error);
  note_outcome(execution, error);
}

asio::awaitable<void> HandlerRunner::handle_broadcast(
    std::shared_ptr<HandlerRunner> self, std::shared_ptr<detail::BroadcastHandler> handler,
    wire::Broadcast broadcast, unsigned session) {
  std::exception_ptr error;
  try {
    co_await leave_strand();
    if (is_stopped(session)) throw boost::system::system_error(asio::error::operation_aborted);
    co_await handler->handle(broadcast.type, broadcast.data, broadcast.sender);
  } catch (...) {
    error = std::current_exception();
  }
  const Strand strand = context_.strand;
  asio::post(strand,
             [self = std::move(self), sender = broadcast.sender, type = std::move(broadcast.type)] {
               self->lanes_.leave(sender, type);
               --self->running_;
               self->callbacks_.on_room();
             });
  if (error) std::rethrow_exception(error);
}

// It may have waited for its executor.
void HandlerRunner::check_may_begin(const Execution& execution) const {
  if (is_stopped(execution.session)) throw MeshStoppedError();
  if (execution.is_cancelled()) throw boost::system::system_error(asio::error::operation_aborted);
  if (execution.deadline && *execution.deadline <= Clock::now()) {
    throw MeshRefusedError("the caller's deadline has passed before it could run",
                           Refusal::deadline);
  }
}

void HandlerRunner::begin(const CallContext& context, Execution& execution) const {
  if (context_.interception) {
    context_.interception->before_handler(context);
    execution.begun_at = Clock::now();
  }
  execution.response = wire::begin_response(execution.request.request_id.view());
  execution.data_begin = execution.response.size();
}

void HandlerRunner::note_outcome(const std::shared_ptr<Execution>& execution,
                                 const std::exception_ptr& error) const {
  if (!execution->begun_at) return;
  const CallContext context(execution);
  context_.interception->after_handler(context, {error, Clock::now() - *execution->begun_at});
}

void HandlerRunner::complete(Execution& execution) const {
  const auto failure = complete_response(execution.response, execution.data_begin,
                                         execution.request.type, context_.limits);
  if (!failure) return;
  execution.response = encode_failure(execution.request, *failure, context_.limits);
  execution.ending = introspection::HandlerEnding::failed;
}

void HandlerRunner::fail(Execution& execution, const std::exception_ptr& error) const {
  using introspection::HandlerEnding;
  const bool was_stopped =
      is_stopped(execution.session) && (!execution.has_begun || is_cancellation(error));
  const Executed executed = execution.has_begun ? Executed::maybe : Executed::no;
  const wire::Failure failure =
      was_stopped ? refusal(Refusal::stopping, MeshStoppedError().what(), executed)
                  : describe_failure(error, execution.has_begun);
  execution.response = encode_failure(execution.request, failure, context_.limits);
  if (!failure.executed) {
    execution.ending = HandlerEnding::failed;
  } else {
    execution.ending = execution.has_begun ? HandlerEnding::cancelled : HandlerEnding::refused;
  }
}

void HandlerRunner::finish(std::shared_ptr<Execution> execution) {
  const bool is_plain = execution->is_plain;
  --running_;
  if (is_plain) --running_plain_;
  callbacks_.on_response(std::move(execution));
  callbacks_.on_room();
  if (is_plain && running_plain_ == 0) plain_ended_.notify_all();
}

}  // namespace mesh::core
