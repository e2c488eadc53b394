#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>

#include <mesh/detail/callback.hpp>
#include <mesh/errors.hpp>
#include <mesh/node.hpp>

namespace mesh::detail {

using Json = nlohmann::json;

/// A payload as a value: `void` becomes an empty type.
template <typename T>
using Boxed = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// Throws `MeshDecodeError` for the exception in flight, naming the field that `decode` rejects.
/// `decode` is called again on altered copies of `document` to find it.
[[noreturn]] void throw_decode_error(std::string_view type, const Json& document,
                                     const std::function<void(const Json&)>& decode);

/// Whether the document holds a number of 2^31 or more, to either side, that the parser took for a
/// float: it has a fraction, an exponent, or more digits than any integer.
bool has_large_float(const Json& document);

/// Decodes a document and encodes the outcome again.
using Reencode = std::function<Json(const Json&)>;

/// Keeps large floats from being converted to integers that cannot hold them, which nlohmann_json
/// would do: undefined behaviour that any sender could cause. Those that are whole numbers become
/// integers. For the others, throws `MeshDecodeError` if one is meant for an integer, which is seen
/// from what `reencode` makes of an integer in its place.
void tame_large_floats(std::string_view type, Json& document, const Reencode& reencode);

/// Throws `MeshEncodeError` for the exception in flight.
[[noreturn]] void throw_encode_error(std::string_view type);
/// The same where `document` has no JSON text, naming the field that has none.
[[noreturn]] void throw_encode_error(std::string_view type, const Json& document);

template <typename T>
T decode_value(std::string_view type, const Json& document) {
  try {
    return document.get<T>();
  } catch (const std::exception&) {
    throw_decode_error(type, document,
                       [](const Json& altered) { static_cast<void>(altered.get<T>()); });
  }
}

template <typename T>
Boxed<T> decode_payload(std::string_view type, const Json& document) {
  if constexpr (std::is_void_v<T>) {
    return {};
  } else if constexpr (std::same_as<T, Json>) {
    return document;
  } else if (has_large_float(document)) {
    Json tamed = document;
    tame_large_floats(type, tamed, [](const Json& altered) { return Json(altered.get<T>()); });
    return decode_value<T>(type, tamed);
  } else {
    return decode_value<T>(type, document);
  }
}

template <typename T>
Json encode_payload(std::string_view type, const Boxed<T>& value) {
  if constexpr (std::is_void_v<T>) {
    return nullptr;
  } else {
    try {
      return Json(value);
    } catch (const std::exception&) {
      throw_encode_error(type);
    }
  }
}

/// A request handler as the compiled core sees it, without the types. A plain one is an ordinary
/// function, which needs no coroutine: for it `handle_now` is used, for the others `handle`.
class RequestHandler {
 public:
  RequestHandler() = default;
  RequestHandler(const RequestHandler&) = delete;
  RequestHandler& operator=(const RequestHandler&) = delete;
  virtual ~RequestHandler() = default;
  virtual bool is_plain() const noexcept = 0;
  virtual asio::awaitable<Json> handle(Json data) = 0;
  virtual Json handle_now(Json data) = 0;
};

/// A broadcast handler as the compiled core sees it.
class BroadcastHandler {
 public:
  BroadcastHandler() = default;
  BroadcastHandler(const BroadcastHandler&) = delete;
  BroadcastHandler& operator=(const BroadcastHandler&) = delete;
  virtual ~BroadcastHandler() = default;
  virtual asio::awaitable<void> handle(Json data, InstanceId sender) = 0;
};

template <typename Result, typename Response>
inline constexpr bool result_fits =
    std::is_void_v<Response> ? std::is_void_v<Result> : std::is_convertible_v<Result, Response>;

template <typename Result, typename Response>
inline constexpr bool result_or_awaitable_fits = result_fits<Result, Response>;

template <typename T, typename Executor, typename Response>
inline constexpr bool result_or_awaitable_fits<asio::awaitable<T, Executor>, Response> =
    result_fits<T, Response>;

/// Callable with the request, returning the response or an awaitable of it.
template <typename Function, typename Request, typename Response>
concept RequestFunction =
    (std::is_void_v<Request> && std::invocable<Function&> &&
     requires(Function & function) {
       requires result_or_awaitable_fits<decltype(function()), Response>;
     }) ||
    (!std::is_void_v<Request> && std::invocable<Function&, Boxed<Request>> &&
     requires(Function & function, Boxed<Request> request) {
       requires result_or_awaitable_fits<decltype(function(std::move(request))), Response>;
     });

template <typename Function, typename Request>
decltype(auto) call_function(Function& function, Boxed<Request>& request) {
  if constexpr (std::is_void_v<Request>) {
    return function();
  } else {
    return function(std::move(request));
  }
}

/// A handler of one message type; local calls use `call` and never touch JSON.
template <typename Request, typename Response>
class TypedHandler : public RequestHandler {
 public:
  explicit TypedHandler(std::string_view type) : type_(type) {}

  virtual asio::awaitable<Boxed<Response>> call(Boxed<Request> request) = 0;
  /// Only for plain ones.
  virtual Boxed<Response> call_now(Boxed<Request> request) = 0;

  asio::awaitable<Json> handle(Json data) final {
    Boxed<Request> request = decode_payload<Request>(type_, data);
    const Boxed<Response> response = co_await call(std::move(request));
    co_return encode_payload<Response>(type_, response);
  }

  Json handle_now(Json data) final {
    return encode_payload<Response>(type_, call_now(decode_payload<Request>(type_, data)));
  }

 private:
  std::string_view type_;  // a name of the message map, so it lives as long as the program
};

template <typename Function, typename Request, typename Response>
class FunctionHandler final : public TypedHandler<Request, Response> {
  using Result = decltype(call_function<Function, Request>(std::declval<Function&>(),
                                                           std::declval<Boxed<Request>&>()));
  static constexpr bool is_awaitable = AwaitableTraits<std::remove_cvref_t<Result>>::is_awaitable;

 public:
  FunctionHandler(std::string_view type, Function function)
      : TypedHandler<Request, Response>(type), function_(std::move(function)) {}

  bool is_plain() const noexcept override { return !is_awaitable; }

  asio::awaitable<Boxed<Response>> call(Boxed<Request> request) override {
    if constexpr (!is_awaitable) {
      co_return call_now(std::move(request));
    } else if constexpr (std::is_void_v<Response>) {
      co_await call_function<Function, Request>(function_, request);
      co_return Boxed<Response>{};
    } else {
      co_return co_await call_function<Function, Request>(function_, request);
    }
  }

  Boxed<Response> call_now(Boxed<Request> request) override {
    if constexpr (is_awaitable) {
      throw std::logic_error("a coroutine cannot be called as a plain function");
    } else if constexpr (std::is_void_v<Response>) {
      call_function<Function, Request>(function_, request);
      return {};
    } else {
      return call_function<Function, Request>(function_, request);
    }
  }

 private:
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

  asio::awaitable<void> handle(Json data, InstanceId sender) override {
    Boxed<Payload> payload = decode_payload<Payload>(type_, data);
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
