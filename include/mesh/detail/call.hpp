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
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/interception.hpp>
#include <mesh/detail/local_call.hpp>
#include <mesh/detail/payload.hpp>
#include <mesh/detail/post_completion.hpp>
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

/// Takes the response of a local call, or decodes it, on the caller's executor, before it reaches
/// the caller's handler.
template <typename Response, typename Handler>
class DecodingHandler {
 public:
  /// `watched` and `local` may be null.
  DecodingHandler(std::string_view type, Handler handler, std::shared_ptr<WatchedCall> watched,
                  std::shared_ptr<LocalCallBase> local)
      : type_(type),
        handler_(std::move(handler)),
        watched_(std::move(watched)),
        local_(std::move(local)) {}

  /// What is associated with it is what is with this.
  const Handler& handler() const noexcept { return handler_; }

  void operator()(std::exception_ptr error, const std::string& json) {
    Outcome<Response> response{};
    if (!error) {
      try {
        response = local_ ? static_cast<LocalResponse<Response>&>(*local_).take_response()
                          : decode_payload<Response>(type_, json, Executed::yes);
      } catch (...) {
        error = std::current_exception();
      }
    }
    local_.reset();  // so that nothing of the call outlives it
    if (watched_) end_watched_call(*watched_, error);
    complete<Response>(handler_, std::move(error), std::move(response));
  }

 private:
  std::string_view type_;
  Handler handler_;
  std::shared_ptr<WatchedCall> watched_;
  std::shared_ptr<LocalCallBase> local_;
};

/// A call with all it needs of its arguments, so that they need not outlive the function call.
struct PreparedCall {
  std::shared_ptr<core::MeshCore> core;
  std::shared_ptr<LocalCallBase> local{};  // null if it is to another node
  OutgoingCall remote{};
  std::shared_ptr<WatchedCall> watched{};  // null if there are no interceptors
  std::exception_ptr error;
};

template <typename Response>
struct InitiateCall {
  template <typename Handler>
  void operator()(Handler handler, PreparedCall&& call) const {
    const bool runs_here = call.local && !call.error;
    // Of a local call that begins, interceptors hear where its handler runs.
    auto watched = runs_here ? std::move(call.watched) : nullptr;
    DecodingHandler<Response, Handler> decoding(call.remote.type, std::move(handler),
                                                std::move(call.watched), call.local);
    const asio::any_io_executor& executor = executor_of(*call.core);
    PostedHandler posted(executor, std::move(decoding), runs_here && call.local->is_plain());
    if (call.error) {
      posted(std::move(call.error), std::string());
    } else if (call.local) {
      run_local_call(executor, std::move(call.local), std::move(watched), std::move(posted));
    } else {
      send_call(call.core, std::move(call.remote), std::move(posted));
    }
  }
  /// Of a call that is kept, and may begin again.
  template <typename Handler>
  void operator()(Handler handler, const PreparedCall& call) const {
    (*this)(std::move(handler), PreparedCall(call));
  }
};

/// Makes the call, or keeps it for who launches it later.
template <typename Response, typename CompletionToken>
auto initiate_call(PreparedCall&& call, std::remove_reference_t<CompletionToken>& token) {
  constexpr bool is_awaited = is_use_awaitable<std::decay_t<CompletionToken>>;
  if constexpr (is_awaited && !std::is_void_v<Response> &&
                !std::is_same_v<Outcome<Response>, Boxed<Response>>) {
    return unwrap<Response>(asio::async_initiate<CompletionToken, CompletionSignatureOf<Response>>(
        InitiateCall<Response>{}, token, std::move(call)));
  } else {
    return asio::async_initiate<CompletionToken, CompletionSignatureOf<Response>>(
        InitiateCall<Response>{}, token, std::move(call));
  }
}

}  // namespace mesh::detail

template <template <typename, typename> class Associator, typename Response, typename Handler,
          typename Default>
struct boost::asio::associator<Associator, mesh::detail::DecodingHandler<Response, Handler>,
                               Default> {
  using type = typename Associator<Handler, Default>::type;
  static type get(const mesh::detail::DecodingHandler<Response, Handler>& decoding,
                  const Default& fallback = Default()) noexcept {
    return Associator<Handler, Default>::get(decoding.handler(), fallback);
  }
};
