#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include <mesh/histogram.hpp>

namespace mesh {

/// What became of the calls of one type that this node has made to other nodes. A call is counted
/// once, when it has ended.
struct CallTypeStats {
  std::uint64_t succeeded = 0;       ///< A response came, whether or not its type fits.
  std::uint64_t timed_out = 0;       ///< `MeshRequestTimeoutError`, `MeshDeadlineError`.
  std::uint64_t unreachable = 0;     ///< `MeshNodeUnreachableError`.
  std::uint64_t refused = 0;         ///< `MeshRefusedError`.
  std::uint64_t handler_failed = 0;  ///< `MeshHandlerError`.
  std::uint64_t other_errors = 0;    ///< Any other, such as that there is no handler or no Redis.
  std::uint64_t cancelled = 0;       ///< By their callers.
  /// Of those that succeeded, timed out or whose handler failed: from the beginning of the call to
  /// its end, as the protocol sees it, without what the caller's executor adds.
  LatencyHistogram latency;
};

/// What became of the requests of one type that other nodes have made to this one, and for which
/// there was a handler. A request is counted once, when it is answered.
struct HandlerTypeStats {
  std::uint64_t succeeded = 0;  ///< The handler has returned a response.
  std::uint64_t failed = 0;     ///< It threw, the request did not fit it, or its response was none.
  std::uint64_t refused = 0;    ///< It did not run: the node is busy or stopping, an interceptor
                                ///< refused, or the deadline had passed.
  std::uint64_t cancelled = 0;  ///< The caller has cancelled it while it waited or ran, or its
                                ///< deadline passed or the node stopped while it ran.
  /// Of those that succeeded or failed: from the arrival of the request to its answer, including
  /// what it waited for a free handler.
  LatencyHistogram latency;
};

/// What a service has counted since it was constructed, and how much there is of something just
/// now. Figures are read one after the other while the node works, so that those that belong
/// together may differ by what happens meanwhile.
struct MeshStats {
  // Each of these only grows.
  std::uint64_t calls_sent = 0;         ///< Remote calls begun.
  std::uint64_t calls_succeeded = 0;    ///< … that brought a response.
  std::uint64_t calls_failed = 0;       ///< … that ended in any error.
  std::uint64_t calls_cancelled = 0;    ///< … that were cancelled by their callers.
  std::uint64_t requests_received = 0;  ///< Requests from other nodes.
  std::uint64_t calls_resent = 0;       ///< Times a request was sent again after a fault.
  std::uint64_t requests_repeated = 0;  ///< Received again, and therefore not run again.
  std::uint64_t requests_refused = 0;   ///< Received, and broadcasts too, beyond the limits.
  std::uint64_t answers_resent = 0;     ///< Times a response was sent again after a fault.
  std::uint64_t answers_lost = 0;       ///< Responses that could not be brought to their callers.
  std::uint64_t broadcasts_sent = 0;
  std::uint64_t broadcasts_received = 0;
  std::uint64_t messages_dropped = 0;  ///< Malformed, too large or deep, or for nobody.
  std::uint64_t messages_late = 0;     ///< For calls that had ended.
  std::uint64_t reconnects = 0;        ///< Connections that had to be made anew.
  std::uint64_t calls_rerouted = 0;    ///< Times that `invoke_any()` went on with another node.

  // What there is just now.
  std::uint64_t calls_pending = 0;     ///< Remote calls that have not ended.
  std::uint64_t handlers_running = 0;  ///< Of requests and broadcasts of other nodes, and of own
                                       ///< broadcasts.
  std::uint64_t requests_queued = 0;   ///< Requests that wait for a free handler.
  /// Bytes that wait for Redis: calls that have not been sent yet, and commands that wait for their
  /// connection. Not what a connection has taken and the system not yet, 128 KiB or one message.
  std::uint64_t bytes_queued = 0;
  bool connected = false;  ///< See `MeshService::is_connected()`.

  /// The last warning or error in the service's log, whatever its sink does with it; empty if there
  /// was none. At most 1 KiB of it.
  std::string last_error;
  std::chrono::system_clock::time_point last_error_at{};  ///< The epoch if there was none.

  /// By the type of the messages. No more than 256 types are kept in each; the ones that come after
  /// these count together under the empty name, as do those whose names are longer than 256 bytes.
  /// The built-in requests of other nodes, such as `$mesh.ping`, are not among the handlers.
  std::map<std::string, CallTypeStats> calls;
  std::map<std::string, HandlerTypeStats> handlers;
};

}  // namespace mesh
