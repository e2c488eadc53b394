#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <support/coroutine.hpp>

namespace mesh::test {

/// Takes the completion of an operation that runs meanwhile; usable from any thread.
template <typename Result>
class Outcome {
 public:
  /// A completion token: a plain callback.
  auto token() const {
    return [state = state_](std::exception_ptr error, auto... result) {
      const std::lock_guard lock(state->mutex);
      if (state->completions++ > 0) ADD_FAILURE() << "completed more than once";
      state->error = std::move(error);
      if constexpr (sizeof...(result) > 0) state->result.emplace(std::move(result)...);
    };
  }

  bool done() const {
    const std::lock_guard lock(state_->mutex);
    return state_->completions > 0;
  }

  /// Waits for the completion and returns or throws what it brought.
  asio::awaitable<Result> get() const {
    const auto state = state_;
    const bool completed = co_await eventually([this] { return done(); });
    if (!completed) throw std::runtime_error("the operation does not complete");
    co_return take(*state);
  }

 private:
  using Stored = std::conditional_t<std::is_void_v<Result>, std::tuple<>, Result>;
  struct State {
    std::mutex mutex;
    int completions = 0;
    std::exception_ptr error;
    std::optional<Stored> result;
  };

  static Result take(State& state) {
    const std::lock_guard lock(state.mutex);
    if (state.error) std::rethrow_exception(state.error);
    if constexpr (!std::is_void_v<Result>) return std::move(*state.result);
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace mesh::test
