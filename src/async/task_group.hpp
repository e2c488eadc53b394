#pragma once

#include <exception>
#include <functional>
#include <list>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <async/event.hpp>
#include <async/strand.hpp>

namespace mesh {

namespace detail {
struct OperationControl;
}

/// One task of a group. Once that has ended, `cancel()` does nothing.
struct TaskHandle {
  std::shared_ptr<detail::OperationControl> control{};
  asio::any_io_executor executor{};

  void cancel() const;
};

/// Owns the coroutines it spawns: they can be cancelled together and waited for. All members must
/// be called on the strand. Tasks that outlive the group go on and report to nobody.
class TaskGroup {
 public:
  /// `on_error` hears what a task threw, except its own cancellation.
  TaskGroup(Strand strand, std::function<void(std::exception_ptr)> on_error);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Runs on the group's strand.
  void spawn(asio::awaitable<void> task);
  /// Runs on another executor, which must run one thing at a time.
  TaskHandle spawn_on(const asio::any_io_executor& executor, asio::awaitable<void> task);

  /// Tasks on the group's strand do nothing any more from here on but end, whatever is queued for
  /// them.
  void cancel_all();
  /// False if some tasks were still running at the deadline.
  asio::awaitable<bool> join_until(TimePoint deadline);
  std::size_t size() const;

 private:
  struct State;

  template <typename Launch>
  void enter(Launch launch);

  std::shared_ptr<State> state_;
};

}  // namespace mesh
