#include <async/serial_queue.hpp>

#include <deque>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <async/run_on.hpp>

namespace mesh {

struct SerialQueue::State {
  asio::any_io_executor target;
  std::function<void(std::exception_ptr)> on_error;
  std::shared_ptr<const detail::Gate> gate;
  std::deque<Task> waiting{};
  bool running = false;
};

SerialQueue::SerialQueue(Strand strand, asio::any_io_executor target,
                         std::function<void(std::exception_ptr)> on_error,
                         std::shared_ptr<const detail::Gate> gate)
    : state_(std::make_shared<State>(
          State{std::move(target), std::move(on_error), std::move(gate), {}})),
      runner_(std::move(strand), nullptr) {}

void SerialQueue::push(Task task) {
  state_->waiting.push_back(std::move(task));
  if (!std::exchange(state_->running, true)) runner_.spawn(run_all(state_));
}

asio::awaitable<bool> SerialQueue::drain_until(TimePoint deadline) {
  return runner_.join_until(deadline);
}

void SerialQueue::abandon() {
  state_->waiting.clear();
  runner_.cancel_all();
}

// A cancellation ends the task that runs, not the queue: tasks pushed later must wait for one that
// does not react.
asio::awaitable<void> SerialQueue::run_all(std::shared_ptr<State> state) {
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!state->waiting.empty()) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
    const Task task = std::move(state->waiting.front());
    state->waiting.pop_front();
    std::exception_ptr error;
    try {
      co_await run_on(state->target, detail::run_if_open(state->gate, task()));
    } catch (...) {
      error = std::current_exception();
    }
    if (error && state->on_error) state->on_error(error);
  }
  state->running = false;
}

}  // namespace mesh
