#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>

#include <mesh/call_context.hpp>
#include <mesh/headers.hpp>
#include <mesh/node.hpp>

namespace mesh {

/// A call that is about to be made.
struct CallStart {
  InstanceId target = 0;  ///< 0: any node, or all: see `MeshService::invoke_any()`.
  std::string_view type;
  bool is_local = false;                 ///< To the own node.
  std::chrono::milliseconds timeout{0};  ///< As in `InvokeOptions`; 0: the default.
  /// When the call is given up in any case, its parent's deadline included.
  std::optional<std::chrono::steady_clock::time_point> deadline{};
  /// What goes along, to begin with those of `InvokeOptions` and the trace of its `parent`. They
  /// may be changed, within the limits of those; what is erased of the parent's trace goes along
  /// all the same, but for a "tracestate" where a "traceparent" stays.
  Headers headers{};
  /// What the interceptor that is told gets back in `CallEnd::kept`. Each finds it null, and sees
  /// its own only.
  std::shared_ptr<void> kept{};
};

/// A call that has ended.
struct CallEnd {
  InstanceId target = 0;
  std::string_view type;
  bool is_local = false;
  std::exception_ptr error{};  ///< What the caller gets; null: a response.
  std::chrono::nanoseconds duration{0};
  /// What this interceptor put into `CallStart::kept`. Where the end of a call is not told, it is
  /// destroyed with the call.
  std::shared_ptr<void> kept{};
};

/// A handler that has ended.
struct HandlerEnd {
  std::exception_ptr error{};  ///< Of the handler, or of what its payloads did not fit; null: none.
  std::chrono::nanoseconds duration{0};
};

/// Is told of each call that a service makes, and of each handler that it runs, before and after:
/// for traces, metrics, and rules of who may call what. Broadcasts are not among them, nor requests
/// of other nodes that every node answers by itself, such as `$mesh.ping`.
///
/// A `before_...` that throws refuses: the call fails with `MeshRefusedError`, `executed()` being
/// `no`, with the text of what was thrown; the reason is `Refusal::refused`, unless it was a
/// `MeshRefusedError` with another one. They are told in the order of `MeshOptions::interceptors`,
/// of ends in the reverse one, and each of those only whose `before_...` has returned. What an
/// `after_...` throws is logged.
///
/// Functions may be called from several threads at once. They must not block, and begin no
/// calls that wait for each other.
class Interceptor {
 public:
  Interceptor() = default;
  Interceptor(const Interceptor&) = delete;
  Interceptor& operator=(const Interceptor&) = delete;
  virtual ~Interceptor() = default;

  /// Inside `invoke()`, before anything is sent.
  virtual void before_call(CallStart& call);
  /// Before the caller's completion handler, where that runs; of a local one that began, where its
  /// handler ran. Not told where a context is destroyed under a call.
  virtual void after_call(const CallEnd& call);
  /// On the executor of the service, before a handler runs for any node, this one included. What it
  /// needs in `after_handler` it may leave with the call: see `CallContext::keep()`.
  virtual void before_handler(const CallContext& call);
  /// There, when it has ended. Not told after the service was destroyed.
  virtual void after_handler(const CallContext& call, const HandlerEnd& end);
};

}  // namespace mesh
