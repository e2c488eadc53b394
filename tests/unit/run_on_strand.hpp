#pragma once

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <async/strand.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test {

/// Runs a test body on a strand of the library's kind, as its classes demand. The body takes the
/// `Strand`.
template <typename Body>
void run_on_strand(Body body, RunOptions options = {}) {
  run_coroutine(
      [&body](asio::io_context& context) -> asio::awaitable<void> {
        const Strand strand(asio::any_io_executor(context.get_executor()));
        co_await asio::co_spawn(strand, body(strand), asio::use_awaitable);
      },
      options);
}

/// Far enough for what must happen.
inline TimePoint soon() { return Clock::now() + std::chrono::seconds(30); }

}  // namespace mesh::test
