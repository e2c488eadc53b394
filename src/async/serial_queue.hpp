#pragma once

#include <exception>
#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <mesh/detail/gate.hpp>

#include <async/event.hpp>
#include <async/strand.hpp>
#include <async/task_group.hpp>

namespace mesh {

/// Runs user callbacks one after the other, in order, on the user's executor. All members must be
/// called on the strand.
class SerialQueue {
 public:
  using Task = std::function<asio::awaitable<void>()>;

  /// `on_error` hears what a task threw. Once the gate is closed, no task begins.
  SerialQueue(Strand strand, asio::any_io_executor target,
              std::function<void(std::exception_ptr)> on_error,
              std::shared_ptr<const detail::Gate> gate = std::make_shared<detail::Gate>());

  void push(Task task);
  /// False if some tasks had not run by the deadline.
  asio::awaitable<bool> drain_until(TimePoint deadline);
  /// Drops what has not begun and cancels what has.
  void abandon();

 private:
  struct State;
  static asio::awaitable<void> run_all(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;  // shared with the runner, which may outlive the queue
  TaskGroup runner_;
};

}  // namespace mesh
