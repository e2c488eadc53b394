#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <list>
#include <memory>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <async/strand.hpp>

namespace mesh::ctl {

/// Shared by the coroutines of one `concurrently()`, all on one strand.
struct Concurrent {
  explicit Concurrent(const asio::any_io_executor& executor)
      : ended(executor, asio::steady_timer::time_point::max()) {}

  asio::steady_timer ended;
  std::size_t next = 0;
  std::size_t running = 0;
  bool is_cancelled = false;
  std::exception_ptr error;
  std::list<asio::cancellation_signal> cancel;
};

template <typename Work>
asio::awaitable<void> work_in_turn(std::shared_ptr<Concurrent> state, std::size_t count,
                                   Work& work) {
  while (state->next < count && !state->is_cancelled && !state->error) {
    co_await work(state->next++);
  }
}

/// Awaits `work(i)` for each i below `count`, `at_once` of them at a time, and joins all, also when
/// it is cancelled or one throws; then it throws the first error.
template <typename Work>
asio::awaitable<void> concurrently(std::size_t count, std::size_t at_once, Work work) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto state = std::make_shared<Concurrent>(executor);
  for (std::size_t i = 0; i < std::min(count, at_once); ++i) {
    ++state->running;
    state->cancel.emplace_back();
    asio::co_spawn(executor, work_in_turn(state, count, work),
                   asio::bind_cancellation_slot(state->cancel.back().slot(),
                                                [state](const std::exception_ptr& error) {
                                                  if (error && !state->error) state->error = error;
                                                  if (--state->running == 0) state->ended.cancel();
                                                }));
  }
  constexpr auto token = asio::as_tuple(asio::use_awaitable);
  while (state->running > 0) {
    co_await state->ended.async_wait(token);
    if (state->running == 0 || state->is_cancelled) continue;
    state->is_cancelled = true;
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    for (auto& signal : state->cancel) signal.emit(asio::cancellation_type::terminal);
  }
  co_await asio::this_coro::throw_if_cancelled(true);
  if (state->error) std::rethrow_exception(state->error);
  if (state->is_cancelled) throw boost::system::system_error(asio::error::operation_aborted);
}

}  // namespace mesh::ctl
