#pragma once

#include <exception>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

namespace mesh::detail {

namespace asio = boost::asio;

/// Calls `handler` on its executor `target`, never inside this call. The way leads through `via`,
/// an executor of the user's, so that what the handler does next cannot hold up a strand of ours.
template <typename Executor, typename Handler, typename... Results>
void post_completion(const asio::any_io_executor& via, Executor target, Handler handler,
                     std::exception_ptr error, Results... results) {
  auto call = [handler = std::move(handler), error = std::move(error),
               ... results = std::move(results)]() mutable {
    asio::get_associated_cancellation_slot(handler).clear();
    std::move(handler)(std::move(error), std::move(results)...);
  };
  asio::post(via, [target = std::move(target), call = std::move(call)]() mutable {
    asio::dispatch(target, std::move(call));
  });
}

}  // namespace mesh::detail
