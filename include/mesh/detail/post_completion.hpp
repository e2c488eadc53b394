#pragma once

#include <concepts>
#include <exception>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

namespace mesh::detail {

namespace asio = boost::asio;

/// As `asio::post()`. The executor of an `io_context`, which most programs use, is called as what
/// it is: that takes half of the allocations.
template <typename Function>
void post_to(const asio::any_io_executor& executor, Function&& function) {
  if (const auto* const known = executor.target<asio::io_context::executor_type>()) {
    asio::post(*known, std::forward<Function>(function));
  } else {
    asio::post(executor, std::forward<Function>(function));
  }
}

/// Calls `handler` on its executor `target`. Where that might run it at once, the way leads through
/// `via`, an executor of the user's, so that what the handler does next cannot hold up a strand of
/// ours. So it is never called inside this call, unless `is_on_via`: then this call is a step of
/// its own on `via`, and a handler that belongs there is called at once. `is_for_via`: it does, as
/// far as is known.
template <typename Executor, typename Handler, typename... Results>
void post_completion(const asio::any_io_executor& via, bool is_on_via, Executor target,
                     bool is_for_via, Handler&& handler, std::exception_ptr&& error,
                     Results&&... results) {
  auto call = [handler = std::forward<Handler>(handler), error = std::move(error),
               ... results = std::forward<Results>(results)]() mutable {
    asio::get_associated_cancellation_slot(handler).clear();
    std::move(handler)(std::move(error), std::move(results)...);
  };
  if constexpr (std::same_as<Executor, asio::any_io_executor>) {
    if (!is_for_via) {
      asio::post(target, std::move(call));
    } else if (is_on_via) {
      call();
    } else {
      post_to(via, std::move(call));
    }
  } else if (is_on_via) {
    asio::dispatch(target, std::move(call));
  } else {
    post_to(via, [target = std::move(target), call = std::move(call)]() mutable {
      asio::dispatch(target, std::move(call));
    });
  }
}

/// A handler that is called by way of `post_completion()`, wherever this one is called. Until then
/// its executor counts as having outstanding work, and `via` where the way leads through that.
template <typename Handler>
class PostedHandler {
  // Where the executor knows no such property, what prefer() returns is a reference.
  using Executor = std::remove_cvref_t<decltype(asio::prefer(
      asio::get_associated_executor(std::declval<const Handler&>(),
                                    std::declval<const asio::any_io_executor&>()),
      asio::execution::outstanding_work_t::tracked))>;

 public:
  using allocator_type = asio::associated_allocator_t<Handler>;
  using cancellation_slot_type = asio::associated_cancellation_slot_t<Handler>;

  /// `is_called_on_via` is for who calls it in a step of its own on `via`.
  PostedHandler(const asio::any_io_executor& via, Handler handler, bool is_called_on_via = false)
      : is_called_on_via_(is_called_on_via),
        is_for_via_(is_for(via, handler)),
        via_(kept_busy(via)),
        target_(asio::prefer(asio::get_associated_executor(handler, via),
                             asio::execution::outstanding_work_t::tracked)),
        handler_(std::move(handler)) {}

  allocator_type get_allocator() const noexcept { return asio::get_associated_allocator(handler_); }
  cancellation_slot_type get_cancellation_slot() const noexcept {
    return asio::get_associated_cancellation_slot(handler_);
  }

  /// Once.
  template <typename... Results>
  void operator()(std::exception_ptr error, Results&&... results) {
    post_completion(via_, is_called_on_via_, std::move(target_), is_for_via_, std::move(handler_),
                    std::move(error), std::forward<Results>(results)...);
  }

 private:
  static asio::any_io_executor kept_busy(const asio::any_io_executor& via) {
    if constexpr (std::same_as<Executor, asio::any_io_executor>) {
      return via;
    } else {
      return asio::prefer(via, asio::execution::outstanding_work_t::tracked);
    }
  }

  static bool is_for(const asio::any_io_executor& via, const Handler& handler) {
    if constexpr (std::same_as<Executor, asio::any_io_executor>) {
      return asio::get_associated_executor(handler, via) == via;
    } else {
      return false;
    }
  }

  bool is_called_on_via_;
  bool is_for_via_;
  asio::any_io_executor via_;
  Executor target_;
  Handler handler_;
};

}  // namespace mesh::detail
