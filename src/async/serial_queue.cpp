#include <async/serial_queue.hpp>

#include <deque>
#include <utility>

#include <async/run_on.hpp>

namespace mesh {

struct SerialQueue::State {
  asio::any_io_executor target;
  std::function<void(std::exception_ptr)> on_error;
  std::deque<Task> waiting{};
  bool running = false;
};

SerialQueue::SerialQueue(Strand strand, asio::any_io_executor target,
                         std::function<void(std::exception_ptr)> on_error)
    : state_(std::make_shared<State>(State{std::move(target), std::move(on_error), {}})),
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
  state_->running = false;
  runner_.cancel_all();
}

asio::awaitable<void> SerialQueue::run_all(std::shared_ptr<State> state) {
  while (!state->waiting.empty()) {
    const Task task = std::move(state->waiting.front());
    state->waiting.pop_front();
    std::exception_ptr error;
    try {
      co_await run_on(state->target, task());
    } catch (...) {
      error = std::current_exception();
    }
    if (error && state->on_error) state->on_error(error);
  }
  state->running = false;
}

}  // namespace mesh
