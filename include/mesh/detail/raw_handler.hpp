#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <mesh/call_context.hpp>
#include <mesh/detail/callback.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/detail/payload.hpp>
#include <mesh/node.hpp>

namespace mesh::detail {

/// From JSON text to JSON text, plainly or as a coroutine.
template <typename Function>
concept RawFunction = std::invocable<Function&, CallContext&, std::string_view> &&
    result_or_awaitable_fits<std::invoke_result_t<Function&, CallContext&, std::string_view>,
                             std::string>;

template <RawFunction Function>
class RawHandler final : public RequestHandler {
  using Result = std::invoke_result_t<Function&, CallContext&, std::string_view>;
  static constexpr bool is_awaitable = AwaitableTraits<std::remove_cvref_t<Result>>::is_awaitable;

 public:
  explicit RawHandler(Function function) : function_(std::move(function)) {}

  bool is_plain() const noexcept override { return !is_awaitable; }
  bool takes_context() const noexcept override { return true; }
  const void* payload_types() const noexcept override { return nullptr; }

  asio::awaitable<void> handle(CallContext& call, std::string_view json,
                               std::string& out) override {
    if constexpr (is_awaitable) {
      note_begin(call);
      const std::string response = co_await function_(call, json);
      encode_payload<RawJson>(call.type(), response, out, Executed::yes);
    } else {
      handle_now(call, json, out);
      co_return;
    }
  }

  void handle_now(CallContext& call, std::string_view json, std::string& out) override {
    if constexpr (is_awaitable) {
      throw std::logic_error("a coroutine cannot be called as a plain function");
    } else {
      note_begin(call);
      encode_payload<RawJson>(call.type(), function_(call, json), out, Executed::yes);
    }
  }

 private:
  Function function_;
};

/// For a broadcast of any name, plainly or as a coroutine.
template <typename Function>
concept RawBroadcastFunction =
    VoidCallback<Function, std::string_view, std::string_view, InstanceId>;

template <RawBroadcastFunction Function>
class RawBroadcastHandler final : public BroadcastHandler {
 public:
  explicit RawBroadcastHandler(Function function) : function_(std::move(function)) {}

  asio::awaitable<void> handle(std::string_view type, std::string_view json,
                               InstanceId sender) override {
    if constexpr (returns_awaitable<Function, std::string_view, std::string_view, InstanceId>) {
      co_await function_(type, json, sender);
    } else {
      function_(type, json, sender);
      co_return;
    }
  }

 private:
  Function function_;
};

}  // namespace mesh::detail
