#pragma once

#include <exception>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/gate.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/detail/post_completion.hpp>
#include <mesh/detail/spawn_operation.hpp>
#include <mesh/errors.hpp>

namespace mesh::detail {

template <typename Response>
struct CompletionSignature {
  using type = void(std::exception_ptr, Response);
};

template <>
struct CompletionSignature<void> {
  using type = void(std::exception_ptr);
};

template <typename Response>
using CompletionSignatureOf = typename CompletionSignature<Response>::type;

template <typename Response, typename Handler>
void complete(Handler& handler, std::exception_ptr error, Boxed<Response> response) {
  if constexpr (std::is_void_v<Response>) {
    std::move(handler)(std::move(error));
  } else {
    std::move(handler)(std::move(error), std::move(response));
  }
}

/// Decodes the response, on the caller's executor, before it reaches the caller's handler.
template <typename Response, typename Handler>
class DecodingHandler {
 public:
  using allocator_type = asio::associated_allocator_t<Handler>;
  using cancellation_slot_type = asio::associated_cancellation_slot_t<Handler>;
  using executor_type = asio::associated_executor_t<Handler, asio::any_io_executor>;

  DecodingHandler(std::string_view type, Handler handler, asio::any_io_executor fallback)
      : type_(type), handler_(std::move(handler)), fallback_(std::move(fallback)) {}

  allocator_type get_allocator() const noexcept { return asio::get_associated_allocator(handler_); }
  cancellation_slot_type get_cancellation_slot() const noexcept {
    return asio::get_associated_cancellation_slot(handler_);
  }
  executor_type get_executor() const noexcept {
    return asio::get_associated_executor(handler_, fallback_);
  }

  void operator()(std::exception_ptr error, Json data) {
    Boxed<Response> response{};
    if (!error) {
      try {
        if constexpr (std::is_same_v<Response, Json>) {
          response = std::move(data);
        } else {
          response = decode_payload<Response>(type_, data);
        }
      } catch (...) {
        error = std::current_exception();
      }
    }
    complete<Response>(handler_, std::move(error), std::move(response));
  }

 private:
  std::string_view type_;
  Handler handler_;
  asio::any_io_executor fallback_;
};

template <typename Response, typename Handler>
void fail_call(const asio::any_io_executor& via, Handler handler, std::exception_ptr error) {
  PostedHandler<Handler> posted(via, std::move(handler));
  if constexpr (std::is_void_v<Response>) {
    posted(std::move(error));
  } else {
    posted(std::move(error), Response{});
  }
}

/// A call with all it needs of its arguments, so that they need not outlive the function call.
template <typename Request, typename Response>
struct PreparedCall {
  std::shared_ptr<core::MeshCore> core;
  asio::any_io_executor executor;
  std::shared_ptr<TypedHandler<Request, Response>> local;  // set for a call to this very node
  Boxed<Request> local_request{};
  std::shared_ptr<const Gate> gate;  // of the local one
  OutgoingCall remote{};
  std::exception_ptr error;
};

/// Calls a plain handler on `executor`, and then the caller's on its own.
template <typename Response, typename Request, typename Handler>
void call_plain_handler(const asio::any_io_executor& executor, std::shared_ptr<const Gate> gate,
                        std::shared_ptr<TypedHandler<Request, Response>> callee,
                        Boxed<Request> request, Handler handler) {
  auto target = asio::prefer(asio::get_associated_executor(handler, executor),
                             asio::execution::outstanding_work_t::tracked);
  asio::post(executor,
             [gate = std::move(gate), callee = std::move(callee), request = std::move(request),
              target = std::move(target), handler = std::move(handler)]() mutable {
               std::exception_ptr error;
               Boxed<Response> response{};
               try {
                 if (!gate->is_open()) throw MeshStoppedError();
                 response = callee->call_now(std::move(request));
               } catch (...) {
                 error = std::current_exception();
               }
               callee.reset();
               asio::dispatch(target, [handler = std::move(handler), error = std::move(error),
                                       response = std::move(response)]() mutable {
                 complete<Response>(handler, std::move(error), std::move(response));
               });
             });
}

template <typename Request, typename Response>
asio::awaitable<Response> run_local_call(std::shared_ptr<const Gate> gate,
                                         std::shared_ptr<TypedHandler<Request, Response>> handler,
                                         Boxed<Request> request) {
  // Spawning may run the first steps inside `invoke()`.
  co_await asio::post(asio::use_awaitable);
  if (!gate->is_open()) throw MeshStoppedError();
  if constexpr (std::is_void_v<Response>) {
    co_await handler->call(std::move(request));
  } else {
    co_return co_await handler->call(std::move(request));
  }
}

template <typename Request, typename Response>
struct InitiateCall {
  template <typename Handler>
  void operator()(Handler handler, PreparedCall<Request, Response> call) const {
    if (call.error) {
      fail_call<Response>(call.executor, std::move(handler), std::move(call.error));
    } else if (call.local && call.local->is_plain()) {
      call_plain_handler<Response>(call.executor, std::move(call.gate), std::move(call.local),
                                   std::move(call.local_request), std::move(handler));
    } else if (call.local) {
      spawn_operation<Response>(
          asio::make_strand(call.executor), call.executor,
          run_local_call<Request, Response>(std::move(call.gate), std::move(call.local),
                                            std::move(call.local_request)),
          std::move(handler));
    } else {
      const std::string_view type = call.remote.type;
      DecodingHandler<Response, Handler> decoding(type, std::move(handler), call.executor);
      send_call(call.core, std::move(call.remote),
                PostedHandler(call.executor, std::move(decoding)));
    }
  }
};

}  // namespace mesh::detail
