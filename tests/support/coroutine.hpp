#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

/// ASSERT_TRUE for coroutines, where gtest's own `return` does not compile.
#define CO_ASSERT_TRUE(condition)                                                      \
  do {                                                                                 \
    if (const bool mesh_test_holds = static_cast<bool>(condition); !mesh_test_holds) { \
      ADD_FAILURE() << "CO_ASSERT_TRUE(" #condition ") failed";                        \
      co_return;                                                                       \
    }                                                                                  \
  } while (false)

/// Ends a coroutine whose test has already failed.
#define CO_RETURN_IF_FAILED()                     \
  do {                                            \
    if (::testing::Test::HasFailure()) co_return; \
  } while (false)

namespace mesh::test {

namespace asio = boost::asio;

inline asio::awaitable<void> sleep_for(std::chrono::milliseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

/// Waits until the predicate, plain or returning an awaitable, holds; false if it does not by the
/// deadline.
template <typename Predicate>
asio::awaitable<bool> eventually(Predicate predicate,
                                 std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    bool holds = false;
    if constexpr (std::is_convertible_v<std::invoke_result_t<Predicate&>, bool>) {
      holds = static_cast<bool>(predicate());
    } else {
      holds = static_cast<bool>(co_await predicate());
    }
    if (holds) co_return true;
    if (std::chrono::steady_clock::now() >= deadline) co_return false;
    co_await sleep_for(std::chrono::milliseconds(3));
  }
}

/// False if the predicate stops to hold before the time is over.
template <typename Predicate>
asio::awaitable<bool> holds_for(Predicate predicate, std::chrono::milliseconds duration) {
  auto broken = [&predicate] { return !predicate(); };
  co_return !co_await eventually(broken, duration);
}

/// The error the operation ends with. The test fails, and nothing is returned, if it succeeds or
/// throws something that is not exactly an `Error`.
template <typename Error, typename Result>
asio::awaitable<std::optional<Error>> expect_error(asio::awaitable<Result> operation) {
  try {
    co_await std::move(operation);
    ADD_FAILURE() << "expected " << typeid(Error).name() << ", got success";
  } catch (const Error& error) {
    if (typeid(error) == typeid(Error)) co_return error;
    ADD_FAILURE() << "expected " << typeid(Error).name() << ", got the derived "
                  << typeid(error).name() << ": " << error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "expected " << typeid(Error).name() << ", got " << typeid(error).name() << ": "
                  << error.what();
  }
  co_return std::nullopt;
}

}  // namespace mesh::test
