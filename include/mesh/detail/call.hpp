#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <string>
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
#include <boost/asio/use_awaitable.hpp>

#include <mesh/call_context.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/gate.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/detail/interception.hpp>
#include <mesh/detail/payload.hpp>
#include <mesh/detail/post_completion.hpp>
#include <mesh/detail/spawn_operation.hpp>
#include <mesh/errors.hpp>

namespace mesh::detail {

/// What a call completes with: its response, or, where there is no value to stand for none, perhaps
/// a response.
template <typename Response>
using Outcome =
    std::conditional_t<std::is_void_v<Response> || std::default_initializable<Boxed<Response>>,
                       Boxed<Response>, std::optional<Boxed<Response>>>;

template <typename Response>
struct CompletionSignature {
  using type = void(std::exception_ptr, Outcome<Response>);
};

template <>
struct CompletionSignature<void> {
  using type = void(std::exception_ptr);
};

template <typename Response>
using CompletionSignatureOf = typename CompletionSignature<Response>::type;

template <typename Response, typename Handler>
void complete(Handler& handler, std::exception_ptr error, Outcome<Response> response) {
  if constexpr (std::is_void_v<Response>) {
    std::move(handler)(std::move(error));
  } else {
    std::move(handler)(std::move(error), std::move(response));
  }
}

/// Awaits what may be no value only if there was an error.
template <typename Response>
asio::awaitable<Response> unwrap(asio::awaitable<std::optional<Response>> call) {
  std::optional<Response> response = co_await std::move(call);
  co_return std::move(*response);
}

template <typename Token>
inline constexpr bool is_use_awaitable = false;
template <typename Executor>
inline constexpr bool is_use_awaitable<asio::use_awaitable_t<Executor>> = true;

/// Decodes the response, on the caller's executor, before it reaches the caller's handler.
template <typename Response, typename Handler>
class DecodingHandler {
 public:
  using allocator_type = asio::associated_allocator_t<Handler>;
  using cancellation_slot_type = asio::associated_cancellation_slot_t<Handler>;
  using executor_type = asio::associated_executor_t<Handler, asio::any_io_executor>;

  /// `watched` may be null.
  DecodingHandler(std::string_view type, Handler handler, asio::any_io_executor fallback,
                  std::shared_ptr<WatchedCall> watched)
      : type_(type),
        handler_(std::move(handler)),
        fallback_(std::move(fallback)),
        watched_(std::move(watched)) {}

  allocator_type get_allocator() const noexcept { return asio::get_associated_allocator(handler_); }
  cancellation_slot_type get_cancellation_slot() const noexcept {
    return asio::get_associated_cancellation_slot(handler_);
  }
  executor_type get_executor() const noexcept {
    return asio::get_associated_executor(handler_, fallback_);
  }

  void operator()(std::exception_ptr error, const std::string& json) {
    Outcome<Response> response{};
    if (!error) {
      try {
        response = decode_payload<Response>(type_, json, Executed::yes);
      } catch (...) {
        error = std::current_exception();
      }
    }
    if (watched_) end_watched_call(*watched_, error);
    complete<Response>(handler_, std::move(error), std::move(response));
  }

 private:
  std::string_view type_;
  Handler handler_;
  asio::any_io_executor fallback_;
  std::shared_ptr<WatchedCall> watched_;
};

/// A call to this very node, with all it needs of its arguments.
template <typename Request, typename Response>
class LocalCall {
  using Typed = TypedHandler<Request, Response>;

 public:
  /// `interception` is null if there are no interceptors.
  LocalCall(std::shared_ptr<RequestHandler> handler, std::shared_ptr<const Gate> gate,
            std::shared_ptr<const core::Interception> interception, CallContext context,
            std::string_view type)
      : handler_(std::move(handler)),
        gate_(std::move(gate)),
        interception_(std::move(interception)),
        context_(std::move(context)),
        type_(type) {}

  /// Keeps the request, as JSON where the handler takes that, or where it can only be read.
  template <typename Given>
  void take_request(Given&& request) {
    if constexpr (std::is_constructible_v<Boxed<Request>, Given>) {
      if (is_typed()) {
        request_.emplace(std::forward<Given>(request));
        return;
      }
    }
    encode_payload<Request>(type_, request, json_, Executed::no);
  }

  bool is_plain() const { return handler_->is_plain(); }

  Boxed<Response> run_now() {
    if (!gate_->is_open()) throw MeshStoppedError();
    if (!interception_) return call_now();
    const auto begun_at = begin_watched_handler(*interception_, context_);
    std::exception_ptr error;
    std::optional<Boxed<Response>> response;
    try {
      response.emplace(call_now());
    } catch (...) {
      error = std::current_exception();
    }
    end_watched_handler(*interception_, context_, begun_at, error);
    if (error) std::rethrow_exception(error);
    return std::move(*response);
  }

  asio::awaitable<Boxed<Response>> run() {
    if (!gate_->is_open()) throw MeshStoppedError();
    return interception_ ? run_watched() : call();
  }

  CallContext& context() { return context_; }

  /// Of the caller's interceptors; may be null.
  std::shared_ptr<WatchedCall> watched{};

 private:
  asio::awaitable<Boxed<Response>> run_watched() {
    const auto begun_at = begin_watched_handler(*interception_, context_);
    std::exception_ptr error;
    std::optional<Boxed<Response>> response;
    try {
      response.emplace(co_await call());
    } catch (...) {
      error = std::current_exception();
    }
    end_watched_handler(*interception_, context_, begun_at, error);
    if (error) std::rethrow_exception(error);
    co_return std::move(*response);
  }

  Boxed<Response> call_now() {
    try {
      if (request_) return typed().call_now(context_, std::move(*request_));
      std::string response;
      handler_->handle_now(context_, json_, response);
      return decode_payload<Response>(type_, response, Executed::yes);
    } catch (MeshError& error) {
      if (has_begun()) note_executed(error);
      throw;
    }
  }

  asio::awaitable<Boxed<Response>> call() {
    try {
      if (request_) co_return co_await typed().call(context_, std::move(*request_));
      std::string response;
      co_await handler_->handle(context_, json_, response);
      co_return decode_payload<Response>(type_, response, Executed::yes);
    } catch (MeshError& error) {
      if (has_begun()) note_executed(error);
      throw;
    }
  }

  bool is_typed() const {
    return handler_->payload_types() == &PayloadTypes<Request, Response>::tag;
  }
  bool has_begun() const { return request_ || detail::has_begun(context_); }
  Typed& typed() { return static_cast<Typed&>(*handler_); }

  std::shared_ptr<RequestHandler> handler_;
  std::shared_ptr<const Gate> gate_;
  std::shared_ptr<const core::Interception> interception_;
  CallContext context_;
  std::string_view type_;
  std::optional<Boxed<Request>> request_;
  std::string json_;
};

/// A call with all it needs of its arguments, so that they need not outlive the function call.
template <typename Request, typename Response>
struct PreparedCall {
  std::shared_ptr<core::MeshCore> core;
  asio::any_io_executor executor;
  std::optional<LocalCall<Request, Response>> local;
  OutgoingCall remote{};
  std::shared_ptr<WatchedCall> watched{};  // null if there are no interceptors
  std::exception_ptr error;
};

/// Calls a plain handler on `executor`, and then the caller's on its own.
template <typename Response, typename Call, typename Handler>
void call_plain_handler(const asio::any_io_executor& executor, Call call, Handler handler) {
  auto target = asio::prefer(asio::get_associated_executor(handler, executor),
                             asio::execution::outstanding_work_t::tracked);
  asio::post(executor, [call = std::optional<Call>(std::move(call)), target = std::move(target),
                        handler = std::move(handler)]() mutable {
    std::exception_ptr error;
    Outcome<Response> response{};
    try {
      response = call->run_now();
    } catch (...) {
      error = std::current_exception();
    }
    if (call->watched) end_watched_call(*call->watched, error);
    call.reset();
    asio::dispatch(target, [handler = std::move(handler), error = std::move(error),
                            response = std::move(response)]() mutable {
      complete<Response>(handler, std::move(error), std::move(response));
    });
  });
}

template <typename Response, typename Call>
asio::awaitable<std::conditional_t<std::is_void_v<Response>, void, Outcome<Response>>>
run_local_call(Call call) {
  // Spawning may run the first steps inside `invoke()`.
  co_await asio::post(asio::use_awaitable);
  std::exception_ptr error;
  Outcome<Response> response{};
  try {
    response = co_await call.run();
  } catch (...) {
    error = std::current_exception();
  }
  if (call.watched) end_watched_call(*call.watched, error);
  if (error) std::rethrow_exception(error);
  if constexpr (!std::is_void_v<Response>) co_return response;
}

template <typename Request, typename Response>
struct InitiateCall {
  template <typename Handler>
  void operator()(Handler handler, PreparedCall<Request, Response> call) const {
    if (call.local && !call.error) {
      call.local->watched = std::move(call.watched);
      if (call.local->is_plain()) {
        call_plain_handler<Response>(call.executor, std::move(*call.local), std::move(handler));
        return;
      }
      auto control = std::make_shared<OperationControl>();
      control->context = call.local->context();
      spawn_operation(strand_of(call.executor), call.executor,
                      run_local_call<Response>(std::move(*call.local)), std::move(handler),
                      std::move(control));
      return;
    }
    const std::string_view type = call.remote.type;
    DecodingHandler<Response, Handler> decoding(type, std::move(handler), call.executor,
                                                std::move(call.watched));
    PostedHandler posted(call.executor, std::move(decoding));
    if (call.error) {
      posted(std::move(call.error), std::string());
    } else {
      send_call(call.core, std::move(call.remote), std::move(posted));
    }
  }
};

}  // namespace mesh::detail
