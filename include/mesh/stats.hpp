#pragma once

#include <cstdint>

namespace mesh {

/// What a service has counted since it was constructed; each figure only grows.
struct MeshStats {
  std::uint64_t calls_sent = 0;         ///< Remote calls begun.
  std::uint64_t calls_succeeded = 0;    ///< … that brought a response.
  std::uint64_t calls_failed = 0;       ///< … that ended in any error.
  std::uint64_t requests_received = 0;  ///< Requests from other nodes.
  std::uint64_t requests_refused = 0;   ///< Those, and broadcasts, beyond `concurrent_handlers`.
  std::uint64_t broadcasts_sent = 0;
  std::uint64_t broadcasts_received = 0;
  std::uint64_t messages_dropped = 0;  ///< Malformed, too large or deep, for nobody, or unsendable.
  std::uint64_t reconnects = 0;        ///< Connections that had to be made anew.
};

}  // namespace mesh
