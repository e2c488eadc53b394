#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <mesh/headers.hpp>
#include <mesh/node.hpp>

namespace mesh {

namespace core {
class ServedCall;
}
class CallContext;
class Interceptor;
namespace detail {
void note_begin(const CallContext& call) noexcept;
bool has_begun(const CallContext& call) noexcept;
void cancel_context(const CallContext& call);
std::shared_ptr<const core::ServedCall> state_of(const CallContext* call) noexcept;
}  // namespace detail

/// What a handler may know of the call that it works on: it gets one as its first parameter if it
/// takes a `CallContext&`. A handle that may be copied, kept, and used from any thread; it stays
/// valid after the call and the service have ended.
class CallContext {
 public:
  /// The node that calls; the own id for a call from this node.
  InstanceId sender() const noexcept;
  /// The name that was called, such as "getStatus".
  const std::string& type() const noexcept;
  /// What identifies the call on the wire; empty for a call from this node.
  std::string_view request_id() const noexcept;
  /// How long the caller waits without a sign of life, which this node sends it while the handler
  /// runs; 0 for a call from this node, which waits as long as it takes.
  std::chrono::milliseconds timeout() const noexcept;
  /// When the caller gives up in any case; nothing if it set no deadline.
  std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept;
  /// What the caller sent along.
  const Headers& headers() const noexcept;
  /// True once nobody will take the response: the caller has cancelled the call, its deadline has
  /// passed, or this node stops. A coroutine learns that by Asio's cancellation as well; a plain
  /// function that works for long should look now and then. A handler that this
  /// node itself has called goes on when the node stops.
  bool is_cancelled() const noexcept;
  /// The headers "traceparent" and "tracestate" that calls on behalf of this one take over
  /// (`InvokeOptions::parent`): those that the caller sent along, unless an interceptor has set
  /// others.
  Headers trace() const;

  /// For interceptors: other headers for `trace()`, of which "traceparent" and "tracestate" count.
  void set_trace(Headers trace) const;
  /// For interceptors: leaves an object with the call until `take()`, or until the handler has
  /// ended and `after_handler` was told, where that is; what nobody took is destroyed then.
  void keep(const Interceptor& owner, std::shared_ptr<void> object) const;
  /// What `owner` left with the call and has not taken yet, the last of it first; null if nothing.
  std::shared_ptr<void> take(const Interceptor& owner) const;

  /// For the library.
  explicit CallContext(std::shared_ptr<core::ServedCall> call) noexcept : call_(std::move(call)) {}

 private:
  friend void detail::note_begin(const CallContext& call) noexcept;
  friend bool detail::has_begun(const CallContext& call) noexcept;
  friend void detail::cancel_context(const CallContext& call);
  friend std::shared_ptr<const core::ServedCall> detail::state_of(const CallContext* call) noexcept;

  std::shared_ptr<core::ServedCall> call_;
};

}  // namespace mesh
