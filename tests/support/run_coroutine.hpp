#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace mesh::test {

namespace asio = boost::asio;

struct RunOptions {
  std::chrono::milliseconds deadline{150000};  // below the one that ctest sets
  std::size_t threads = 1;
  /// Fail the test if something is still at work on the context once the body has ended.
  bool expect_idle = true;
};

using CoroutineBody = std::function<asio::awaitable<void>(asio::io_context&)>;

/// Runs the body on a strand of a fresh io_context, which this thread runs, until it ends. What it
/// throws comes out here. At the deadline the test fails, the body is cancelled and, if it does not
/// react, abandoned.
void run_coroutine_body(const CoroutineBody& body, RunOptions options);

/// `body` is a function object, such as a lambda, that returns `asio::awaitable<void>`; it may take
/// the `asio::io_context&`. Its captures live until the body has ended.
template <typename Body>
void run_coroutine(Body body, RunOptions options = {}) {
  if constexpr (std::is_invocable_v<Body&, asio::io_context&>) {
    run_coroutine_body(std::ref(body), options);
  } else {
    run_coroutine_body([&body](asio::io_context& /*context*/) { return body(); }, options);
  }
}

}  // namespace mesh::test
