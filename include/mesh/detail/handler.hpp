#pragma once

#include <concepts>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include <mesh/call_context.hpp>
#include <mesh/detail/callback.hpp>
#include <mesh/detail/payload.hpp>
#include <mesh/node.hpp>

namespace mesh::detail {

/// Tells whoever wants to know that from here on user code runs.
void note_begin(const CallContext& call) noexcept;

/// A request handler as the compiled core sees it, without the types: from JSON text to JSON text.
/// A plain one is an ordinary function, which needs no coroutine: for it `handle_now` is used, for
/// the others `handle`.
class RequestHandler {
 public:
  RequestHandler() = default;
  RequestHandler(const RequestHandler&) = delete;
  RequestHandler& operator=(const RequestHandler&) = delete;
  virtual ~RequestHandler() = default;
  virtual bool is_plain() const noexcept = 0;
  /// False if it does not hand on the context, which may then be empty.
  virtual bool takes_context() const noexcept = 0;
  /// The `PayloadTypes` of one that can be called without JSON; null for others.
  virtual const void* payload_types() const noexcept = 0;
  /// Both append the response to `out`. The arguments must outlive the coroutine.
  virtual asio::awaitable<void> handle(CallContext& call, std::string_view json,
                                       std::string& out) = 0;
  virtual void handle_now(CallContext& call, std::string_view json, std::string& out) = 0;
};

/// A broadcast handler as the compiled core sees it.
class BroadcastHandler {
 public:
  BroadcastHandler() = default;
  BroadcastHandler(const BroadcastHandler&) = delete;
  BroadcastHandler& operator=(const BroadcastHandler&) = delete;
  virtual ~BroadcastHandler() = default;
  /// The texts must outlive the coroutine.
  virtual asio::awaitable<void> handle(std::string_view type, std::string_view json,
                                       InstanceId sender) = 0;
};

template <typename Result, typename Response>
inline constexpr bool result_fits =
    std::is_void_v<Response> ? std::is_void_v<Result> : std::is_convertible_v<Result, Response>;

template <typename Result, typename Response>
inline constexpr bool result_or_awaitable_fits = result_fits<Result, Response>;

template <typename T, typename Executor, typename Response>
inline constexpr bool result_or_awaitable_fits<asio::awaitable<T, Executor>, Response> =
    result_fits<T, Response>;

/// Calls it with the request, and with the context before it if it does not go without.
template <typename Request, typename Function>
decltype(auto) call_function(Function& function, CallContext& call, Boxed<Request>& request) {
  if constexpr (std::is_void_v<Request>) {
    if constexpr (std::invocable<Function&>) {
      return function();
    } else {
      return function(call);
    }
  } else if constexpr (std::invocable<Function&, Boxed<Request>>) {
    return function(std::move(request));
  } else {
    return function(call, std::move(request));
  }
}

template <typename Function, typename Request>
inline constexpr bool goes_without_context = std::invocable<Function&, Boxed<Request>>;
template <typename Function>
inline constexpr bool goes_without_context<Function, void> = std::invocable<Function&>;

template <typename Function, typename Request>
inline constexpr bool goes_with_context = std::invocable<Function&, CallContext&, Boxed<Request>>;
template <typename Function>
inline constexpr bool goes_with_context<Function, void> = std::invocable<Function&, CallContext&>;

/// Callable with the request, or with the context and the request, returning the response or an
/// awaitable of it.
template <typename Function, typename Request, typename Response>
concept RequestFunction =
    (goes_without_context<Function, Request> ||
     goes_with_context<Function, Request>)&&requires(Function& function, CallContext& call,
                                                     Boxed<Request>& request) {
  requires result_or_awaitable_fits<decltype(call_function<Request>(function, call, request)),
                                    Response>;
};

/// Has one address for each pair of types.
template <typename Request, typename Response>
struct PayloadTypes {
  static constexpr char tag = 0;
};

/// A handler of one message type; local calls use `call` or `call_now` and never touch JSON.
template <typename Request, typename Response>
class TypedHandler : public RequestHandler {
 public:
  explicit TypedHandler(std::string_view type) : type_(type) {}

  /// Only for coroutines. The context and the response, which it sets, must outlive it.
  virtual asio::awaitable<void> call(CallContext& call, Boxed<Request> request,
                                     std::optional<Boxed<Response>>& response) = 0;
  /// Only for plain ones.
  virtual Boxed<Response> call_now(CallContext& call, Boxed<Request> request) = 0;

  const void* payload_types() const noexcept final { return &PayloadTypes<Request, Response>::tag; }

  asio::awaitable<void> handle(CallContext& context, std::string_view json,
                               std::string& out) final {
    Boxed<Request> request = decode_payload<Request>(type_, json, Executed::no);
    note_begin(context);
    std::optional<Boxed<Response>> response;
    co_await call(context, std::move(request), response);
    encode_payload<Response>(type_, *response, out, Executed::yes);
  }

  void handle_now(CallContext& context, std::string_view json, std::string& out) final {
    Boxed<Request> request = decode_payload<Request>(type_, json, Executed::no);
    note_begin(context);
    encode_payload<Response>(type_, call_now(context, std::move(request)), out, Executed::yes);
  }

 private:
  std::string_view type_;  // a name of the message map, so it lives as long as the program
};

template <typename Function, typename Request, typename Response>
class FunctionHandler final : public TypedHandler<Request, Response> {
  using Result = decltype(call_function<Request>(
      std::declval<Function&>(), std::declval<CallContext&>(), std::declval<Boxed<Request>&>()));
  static constexpr bool is_awaitable = AwaitableTraits<std::remove_cvref_t<Result>>::is_awaitable;

 public:
  FunctionHandler(std::string_view type, Function function)
      : TypedHandler<Request, Response>(type), function_(std::move(function)) {}

  bool is_plain() const noexcept override { return !is_awaitable; }
  bool takes_context() const noexcept override { return !goes_without_context<Function, Request>; }

  asio::awaitable<void> call(CallContext& context, Boxed<Request> request,
                             std::optional<Boxed<Response>>& response) override {
    if constexpr (is_awaitable) {
      return await_function(context, std::move(request), response);
    } else {
      throw std::logic_error("a plain function cannot be called as a coroutine");
    }
  }

  Boxed<Response> call_now(CallContext& context, Boxed<Request> request) override {
    if constexpr (is_awaitable) {
      throw std::logic_error("a coroutine cannot be called as a plain function");
    } else if constexpr (std::is_void_v<Response>) {
      call_function<Request>(function_, context, request);
      return {};
    } else {
      return call_function<Request>(function_, context, request);
    }
  }

 private:
  asio::awaitable<void> await_function(CallContext& context, Boxed<Request> request,
                                       std::optional<Boxed<Response>>& response) {
    if constexpr (std::is_void_v<Response>) {
      co_await call_function<Request>(function_, context, request);
      response.emplace();
    } else {
      response.emplace(co_await call_function<Request>(function_, context, request));
    }
  }

  Function function_;
};

/// Callable with the payload and the sender, or with the payload alone.
template <typename Function, typename Payload>
concept BroadcastFunction = (std::is_void_v<Payload> && (std::invocable<Function&, InstanceId> ||
                                                         std::invocable<Function&>)) ||
                            (!std::is_void_v<Payload> &&
                             (std::invocable<Function&, Boxed<Payload>, InstanceId> ||
                              std::invocable<Function&, Boxed<Payload>>));

template <typename Function, typename Payload>
decltype(auto) call_broadcast_function(Function& function, Boxed<Payload>& payload,
                                       InstanceId sender) {
  if constexpr (std::is_void_v<Payload>) {
    if constexpr (std::invocable<Function&, InstanceId>) {
      return function(sender);
    } else {
      return function();
    }
  } else if constexpr (std::invocable<Function&, Boxed<Payload>, InstanceId>) {
    return function(std::move(payload), sender);
  } else {
    return function(std::move(payload));
  }
}

template <typename Function, typename Payload>
class FunctionBroadcastHandler final : public BroadcastHandler {
 public:
  FunctionBroadcastHandler(std::string_view type, Function function)
      : type_(type), function_(std::move(function)) {}

  asio::awaitable<void> handle(std::string_view /*type*/, std::string_view json,
                               InstanceId sender) override {
    Boxed<Payload> payload = decode_payload<Payload>(type_, json, Executed::no);
    using Result = decltype(call_broadcast_function<Function, Payload>(function_, payload, sender));
    if constexpr (AwaitableTraits<std::remove_cvref_t<Result>>::is_awaitable) {
      co_await call_broadcast_function<Function, Payload>(function_, payload, sender);
    } else {
      call_broadcast_function<Function, Payload>(function_, payload, sender);
    }
  }

 private:
  std::string_view type_;
  Function function_;
};

}  // namespace mesh::detail
