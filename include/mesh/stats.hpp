#pragma once

#include <cstdint>

namespace mesh {

/// What a service has counted since it was constructed; each figure only grows.
struct MeshStats {
  std::uint64_t calls_sent = 0;         ///< Remote calls begun.
  std::uint64_t calls_succeeded = 0;    ///< … that brought a response.
  std::uint64_t calls_failed = 0;       ///< … that ended in any error.
  std::uint64_t calls_cancelled = 0;    ///< … that were cancelled by their callers.
  std::uint64_t requests_received = 0;  ///< Requests from other nodes.
  std::uint64_t calls_resent = 0;       ///< Times a request was sent again after a fault.
  /// Times that `invoke_any()` went on with another node.
  std::uint64_t calls_rerouted = 0;
  std::uint64_t requests_repeated = 0;  ///< Received again, and therefore not run again.
  std::uint64_t requests_refused = 0;   ///< Received, and broadcasts too, beyond the limits.
  std::uint64_t answers_resent = 0;     ///< Times a response was sent again after a fault.
  std::uint64_t answers_lost = 0;       ///< Responses that could not be brought to their callers.
  std::uint64_t broadcasts_sent = 0;
  std::uint64_t broadcasts_received = 0;
  std::uint64_t messages_dropped = 0;  ///< Malformed, too large or deep, or for nobody.
  std::uint64_t messages_late = 0;     ///< For calls that had ended.
  std::uint64_t reconnects = 0;        ///< Connections that had to be made anew.
};

}  // namespace mesh
