#pragma once

#include <exception>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mesh/detail/spawn_operation.hpp>

namespace mesh {

namespace asio = boost::asio;

/// Runs `body` on another executor and resumes here when it is done.
inline asio::awaitable<void> run_on(asio::any_io_executor executor, asio::awaitable<void> body) {
  auto initiate = [](auto handler, asio::any_io_executor target, asio::awaitable<void> task) {
    detail::spawn_operation<void>(asio::make_strand(target), target, std::move(task),
                                  std::move(handler));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      initiate, asio::use_awaitable, std::move(executor), std::move(body));
}

}  // namespace mesh
