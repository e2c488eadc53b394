#include <mesh/detail/local_call.hpp>

#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mesh/detail/interception.hpp>
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
  check_gate();
  if (interception_) interception_->before_handler(context_);
  const auto begun_at = interception_ ? Clock::now() : TimePoint();
  std::exception_ptr error;
  try {
    call_now();
  } catch (...) {
    error = note_begun(std::current_exception());
  }
  if (interception_) interception_->after_handler(context_, {error, Clock::now() - begun_at});
  if (error) std::rethrow_exception(error);
}

asio::awaitable<void> LocalCallBase::run() {
  check_gate();
  if (interception_) interception_->before_handler(context_);
  const auto begun_at = interception_ ? Clock::now() : TimePoint();
  std::exception_ptr error;
  try {
    co_await call();
  } catch (...) {
    error = note_begun(std::current_exception());
  }
  if (interception_) interception_->after_handler(context_, {error, Clock::now() - begun_at});
  if (error) std::rethrow_exception(error);
}

void LocalCallBase::check_gate() const {
  if (!gate_->is_open()) throw MeshStoppedError();
}

std::exception_ptr LocalCallBase::note_begun(std::exception_ptr error) const {
  if (!has_begun()) return error;
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

void run_plain(const asio::any_io_executor& executor, std::shared_ptr<LocalCallBase> call,
               CallCompletion completion) {
  auto slot = asio::get_associated_cancellation_slot(completion);
  if (slot.is_connected()) {
    slot.assign(
        [context = call->context()](asio::cancellation_type_t) { cancel_context(context); });
  }
  post_to(executor, [call = std::move(call), completion = std::move(completion)]() mutable {
    std::exception_ptr error;
    try {
      call->run_now();
    } catch (...) {
      error = std::current_exception();
    }
    call.reset();
    std::move(completion)(std::move(error), std::string());
  });
}

asio::awaitable<void> run_coroutine(std::shared_ptr<LocalCallBase> call) {
  // Spawning may run the first steps inside `invoke()`.
  co_await asio::post(asio::use_awaitable);
  co_await call->run();
}

}  // namespace

void run_local_call(const asio::any_io_executor& executor, std::shared_ptr<LocalCallBase> call,
                    CallCompletion completion) {
  if (call->is_plain()) return run_plain(executor, std::move(call), std::move(completion));
  auto control = std::make_shared<OperationControl>();
  control->context = call->context();
  auto slot = asio::get_associated_cancellation_slot(completion);
  spawn_controlled<void>(
      strand_of(executor), slot, run_coroutine(std::move(call)),
      [completion = std::move(completion)](std::exception_ptr error) mutable {
        std::move(completion)(std::move(error), std::string());
      },
      std::move(control));
}

}  // namespace mesh::detail
