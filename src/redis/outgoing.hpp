#pragma once

#include <cstdint>

namespace mesh::redis {

/// What leaves a connection, in bytes. Both may be a little off, as TLS makes them.
struct Outgoing {
  std::uint64_t received = 0;  ///< that the peer has confirmed, ever
  std::uint64_t waiting = 0;   ///< that it has not, or that were not even sent
};

/// What the system knows of a socket that `written` bytes were written to.
Outgoing outgoing_of(int socket, std::uint64_t written);

}  // namespace mesh::redis
