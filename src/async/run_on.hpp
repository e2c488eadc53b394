#pragma once

#include <exception>
#include <memory>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <mesh/detail/spawn_operation.hpp>

namespace mesh {

namespace asio = boost::asio;

/// Begins a coroutine that was spawned on another executor: spawning may run its first steps at
/// once, on the stack and the strand of whoever spawned it.
inline asio::awaitable<void> leave_strand() { co_await asio::post(asio::use_awaitable); }

/// Runs `body` on another executor and resumes here when it is done. If that is cancelled before
/// the body has begun, it does not begin.
inline asio::awaitable<void> run_on(asio::any_io_executor executor, asio::awaitable<void> body) {
  using Control = std::shared_ptr<detail::OperationControl>;
  auto posted = [](asio::awaitable<void> task, Control control) -> asio::awaitable<void> {
    co_await leave_strand();
    if (control->cancelled) throw boost::system::system_error(asio::error::operation_aborted);
    co_await std::move(task);
  };
  auto initiate = [](auto handler, asio::any_io_executor target, asio::awaitable<void> task,
                     Control control) {
    detail::spawn_operation<void>(asio::make_strand(target), target, std::move(task),
                                  std::move(handler), std::move(control));
  };
  auto control = std::make_shared<detail::OperationControl>();
  auto task = posted(std::move(body), control);
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      initiate, asio::use_awaitable, std::move(executor), std::move(task), std::move(control));
}

}  // namespace mesh
