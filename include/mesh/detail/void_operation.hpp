#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace mesh::detail {

namespace asio = boost::asio;

using VoidCompletion = asio::any_completion_handler<void(std::exception_ptr)>;

/// Begins an operation that completes without a value. May be called again.
using VoidOperation = std::function<void(VoidCompletion)>;

asio::awaitable<void> await_operation(VoidOperation operation);

/// What an asynchronous function returns for its token. For that which most use it is compiled
/// once.
template <typename CompletionToken>
auto initiate(VoidOperation operation, std::remove_reference_t<CompletionToken>& token) {
  if constexpr (std::same_as<std::remove_cvref_t<CompletionToken>, asio::use_awaitable_t<>>) {
    return await_operation(std::move(operation));
  } else {
    return asio::async_initiate<CompletionToken, void(std::exception_ptr)>(
        [operation = std::move(operation)](auto handler) { operation(std::move(handler)); }, token);
  }
}

}  // namespace mesh::detail
