#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <mesh/call_context.hpp>
#include <mesh/detail/post_completion.hpp>

namespace mesh::detail {

namespace asio = boost::asio;

/// Links a coroutine to whoever may cancel it. Touched only on the coroutine's executor, except for
/// `cancelled`.
struct OperationControl {
  asio::cancellation_signal signal;
  bool done = false;
  std::atomic<bool> cancelled{false};  ///< True before the coroutine itself hears of it.
  CallContext context{nullptr};        ///< Of the call that it is, if any: hears of it as well.

  static void request_cancel(const std::shared_ptr<OperationControl>& control,
                             const asio::any_io_executor& executor,
                             asio::cancellation_type_t type) {
    control->cancelled = true;
    cancel_context(control->context);
    asio::post(executor, [control, type] {
      if (!control->done) control->signal.emit(type);
    });
  }
};

/// Runs `body` on `executor`, which must run one thing at a time, and calls `handler` there, which
/// must lead to the user's code by a post only. Unlike with a bare `co_spawn` under the caller's
/// cancellation slot, a cancellation from another thread cannot race with the completion. `control`
/// must be a new one.
template <typename Result, typename Slot, typename Handler>
void spawn_controlled(const asio::any_io_executor& executor, Slot slot,
                      asio::awaitable<Result> body, Handler handler,
                      std::shared_ptr<OperationControl> control) {
  if (slot.is_connected()) {
    slot.assign([control, executor](asio::cancellation_type_t type) {
      OperationControl::request_cancel(control, executor, type);
    });
  }
  auto finish = [control, handler = std::move(handler)](std::exception_ptr error,
                                                        auto... result) mutable {
    control->done = true;
    handler(std::move(error), std::move(result)...);
  };
  auto bound = asio::bind_cancellation_slot(control->signal.slot(),
                                            asio::bind_executor(executor, std::move(finish)));
  asio::co_spawn(executor, std::move(body), std::move(bound));
}

/// The same, where `handler` completes on its own executor, by way of `via`: see
/// `post_completion()`.
template <typename Result, typename Handler>
void spawn_operation(
    const asio::any_io_executor& executor, const asio::any_io_executor& via,
    asio::awaitable<Result> body, Handler handler,
    std::shared_ptr<OperationControl> control = std::make_shared<OperationControl>()) {
  auto slot = asio::get_associated_cancellation_slot(handler);
  spawn_controlled(executor, slot, std::move(body), PostedHandler(via, std::move(handler)),
                   std::move(control));
}

}  // namespace mesh::detail
