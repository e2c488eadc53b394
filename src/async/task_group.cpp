#include <async/task_group.hpp>

#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <mesh/detail/spawn_operation.hpp>

#include <util/cancellation.hpp>

namespace mesh {

struct TaskGroup::State {
  State(Strand strand_, std::function<void(std::exception_ptr)> on_error_)
      : strand(strand_), changed(std::move(strand_)), on_error(std::move(on_error_)) {}

  Strand strand;
  Event changed;
  std::function<void(std::exception_ptr)> on_error;
  std::list<asio::cancellation_signal> signals;
};

void TaskHandle::cancel() const {
  if (!control) return;
  detail::OperationControl::request_cancel(control, executor, asio::cancellation_type::terminal);
}

TaskGroup::TaskGroup(Strand strand, std::function<void(std::exception_ptr)> on_error)
    : state_(std::make_shared<State>(std::move(strand), std::move(on_error))) {}

TaskGroup::~TaskGroup() { state_->on_error = nullptr; }

template <typename Launch>
void TaskGroup::enter(Launch launch) {
  const auto entry = state_->signals.emplace(state_->signals.end());
  auto finish = [state = state_, entry](const std::exception_ptr& error) {
    state->signals.erase(entry);
    if (error && state->on_error && !is_cancellation(error)) state->on_error(error);
    state->changed.notify_all();
  };
  launch(asio::bind_cancellation_slot(entry->slot(),
                                      asio::bind_executor(state_->strand, std::move(finish))));
}

// Not by way of `spawn_operation()`, which lets what is queued run before a cancellation.
void TaskGroup::spawn(asio::awaitable<void> task) {
  enter([&](auto handler) { asio::co_spawn(state_->strand, std::move(task), std::move(handler)); });
}

TaskHandle TaskGroup::spawn_on(const asio::any_io_executor& executor, asio::awaitable<void> task) {
  auto control = std::make_shared<detail::OperationControl>();
  enter([&](auto handler) {
    detail::spawn_operation<void>(executor, state_->strand, std::move(task), std::move(handler),
                                  control);
  });
  return {std::move(control), executor};
}

void TaskGroup::cancel_all() {
  for (asio::cancellation_signal& signal : state_->signals) {
    signal.emit(asio::cancellation_type::terminal);
  }
}

asio::awaitable<bool> TaskGroup::join_until(TimePoint deadline) {
  const auto state = state_;
  while (!state->signals.empty()) {
    if (!co_await state->changed.wait_until(deadline)) break;
  }
  co_return state->signals.empty();
}

std::size_t TaskGroup::size() const { return state_->signals.size(); }

}  // namespace mesh
