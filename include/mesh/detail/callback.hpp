#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>

namespace mesh::detail {

namespace asio = boost::asio;

template <typename T>
struct AwaitableTraits {
  static constexpr bool is_awaitable = false;
};

template <typename T, typename Executor>
struct AwaitableTraits<asio::awaitable<T, Executor>> {
  static constexpr bool is_awaitable = true;
  using value_type = T;
};

template <typename Function, typename... Args>
inline constexpr bool returns_awaitable =
    AwaitableTraits<std::invoke_result_t<Function&, Args...>>::is_awaitable;

/// A plain or coroutine callable; what it returns is ignored.
template <typename Function, typename... Args>
concept VoidCallback = std::invocable<Function&, Args...>;

template <typename... Args>
using AsyncCallback = std::function<asio::awaitable<void>(Args...)>;

template <typename Function, typename... Args>
asio::awaitable<void> run_callback(std::shared_ptr<Function> function, Args... args) {
  if constexpr (returns_awaitable<Function, Args...>) {
    co_await (*function)(std::move(args)...);
  } else {
    (*function)(std::move(args)...);
    co_return;
  }
}

/// Makes one shape of plain and coroutine callbacks.
template <typename... Args, VoidCallback<Args...> Function>
AsyncCallback<Args...> make_async_callback(Function function) {
  // An empty std::function or null pointer means no callback. A lambda converts to bool as well, by
  // way of a pointer that is never null.
  if constexpr (std::is_constructible_v<bool, const Function&> &&
                (std::is_pointer_v<Function> || !std::is_convertible_v<Function, bool>)) {
    if (!static_cast<bool>(function)) return nullptr;
  }
  // The frame keeps the function alive when it is replaced while running.
  return [shared = std::make_shared<Function>(std::move(function))](Args... args) {
    return run_callback<Function, Args...>(shared, std::move(args)...);
  };
}

}  // namespace mesh::detail
