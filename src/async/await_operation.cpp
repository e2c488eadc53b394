#include <mesh/detail/void_operation.hpp>

namespace mesh::detail {

asio::awaitable<void> await_operation(VoidOperation operation) {
  return asio::async_initiate<const asio::use_awaitable_t<>&, void(std::exception_ptr)>(
      [operation = std::move(operation)](auto handler) { operation(std::move(handler)); },
      asio::use_awaitable);
}

}  // namespace mesh::detail
