#include <mesh/detail/local_call.hpp>

#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <mesh/detail/post_completion.hpp>
#include <mesh/detail/spawn_operation.hpp>

#include <async/strand.hpp>
#include <core/interception.hpp>

namespace mesh::detail {

LocalCallBase::LocalCallBase(const CoreHandle& core, std::shared_ptr<RequestHandler> handler,
                             CallContext context, std::string_view type,
                             std::shared_ptr<const std::string> type_owner)
    : handler_(std::move(handler)),
      gate_(core.gate()),
      interception_(core.interception()),
      context_(std::move(context)),
      type_(type),
      type_owner_(std::move(type_owner)) {}

LocalCallBase::~LocalCallBase() = default;

void LocalCallBase::run_now() {
  check_may_begin();
  if (interception_) interception_->before_handler(context_);
  const auto begun_at = interception_ ? Clock::now() : TimePoint();
  std::exception_ptr error;
  try {
    handle_now();
  } catch (...) {
    error = mark_executed(std::current_exception());
  }
  if (interception_) interception_->after_handler(context_, {error, Clock::now() - begun_at});
  handler_.reset();
  if (error) std::rethrow_exception(error);
}

asio::awaitable<void> LocalCallBase::run() {
  check_may_begin();
  if (interception_) interception_->before_handler(context_);
  const auto begun_at = interception_ ? Clock::now() : TimePoint();
  std::exception_ptr error;
  try {
    co_await handle();
  } catch (...) {
    error = mark_executed(std::current_exception());
  }
  if (interception_) interception_->after_handler(context_, {error, Clock::now() - begun_at});
  handler_.reset();
  if (error) std::rethrow_exception(error);
}

void LocalCallBase::cancel() {
  cancelled_ = true;
  cancel_context(context_);
}

void LocalCallBase::handle_now() {
  if (is_typed()) return call_now();
  std::string response;
  handler_->handle_now(context_, request_json_, response);
  read_response(response);
}

asio::awaitable<void> LocalCallBase::handle() {
  if (is_typed()) {
    co_await call();
    co_return;
  }
  std::string response;
  co_await handler_->handle(context_, request_json_, response);
  read_response(response);
}

void LocalCallBase::check_may_begin() const {
  if (!gate_->is_open()) throw MeshStoppedError();
  if (cancelled_) throw boost::system::system_error(asio::error::operation_aborted);
}

std::exception_ptr LocalCallBase::mark_executed(std::exception_ptr error) const {
  if (!is_typed() && !has_begun(context_)) return error;
  try {
    std::rethrow_exception(error);
  } catch (MeshError& failure) {
    note_executed(failure);
    return std::current_exception();
  } catch (...) {
    return error;
  }
}

namespace {

/// Ends the call where its handler ran.
class LocalCompletion {
 public:
  LocalCompletion(std::shared_ptr<WatchedCall> watched, CallCompletion completion)
      : watched_(std::move(watched)), completion_(std::move(completion)) {}

  auto cancellation_slot() const { return asio::get_associated_cancellation_slot(completion_); }

  void operator()(std::exception_ptr error) {
    if (watched_) end_watched_call(*watched_, error);
    std::move(completion_)(std::move(error), std::string());
  }

 private:
  std::shared_ptr<WatchedCall> watched_;
  CallCompletion completion_;
};

void run_plain(const asio::any_io_executor& executor, std::shared_ptr<LocalCallBase> call,
               LocalCompletion completion) {
  if (auto slot = completion.cancellation_slot(); slot.is_connected()) {
    slot.assign([weak = std::weak_ptr(call)](asio::cancellation_type_t) {
      if (const auto cancelled = weak.lock()) cancelled->cancel();
    });
  }
  post_to(executor, [call = std::move(call), completion = std::move(completion)]() mutable {
    std::exception_ptr error;
    try {
      call->run_now();
    } catch (...) {
      error = std::current_exception();
    }
    call.reset();
    completion(std::move(error));
  });
}

asio::awaitable<void> run_coroutine(std::shared_ptr<LocalCallBase> call,
                                    std::shared_ptr<OperationControl> control) {
  // Spawning may run the first steps inside `invoke()`.
  co_await asio::post(asio::use_awaitable);
  if (control->cancelled) call->cancel();
  co_await call->run();
}

}  // namespace

void run_local_call(const asio::any_io_executor& executor, std::shared_ptr<LocalCallBase> call,
                    std::shared_ptr<WatchedCall> watched, CallCompletion completion) {
  LocalCompletion local(std::move(watched), std::move(completion));
  if (call->is_plain()) return run_plain(executor, std::move(call), std::move(local));
  auto control = std::make_shared<OperationControl>();
  control->context = call->context();
  const auto slot = local.cancellation_slot();
  auto body = run_coroutine(std::move(call), control);
  spawn_controlled(strand_of(executor), slot, std::move(body), std::move(local),
                   std::move(control));
}

}  // namespace mesh::detail
