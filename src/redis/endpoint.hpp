#pragma once

#include <cstdint>
#include <string>

#include <mesh/errors.hpp>
#include <mesh/options.hpp>

namespace mesh::redis {

/// Where to connect: a unix socket if `unix_socket` is set, otherwise host and port.
struct Endpoint {
  std::string host{};
  std::uint16_t port = 0;
  std::string unix_socket{};

  bool is_unix() const { return !unix_socket.empty(); }
  bool operator==(const Endpoint&) const = default;
  const std::string& name() const { return is_unix() ? unix_socket : host; }
};

inline std::string to_string(const Endpoint& endpoint) {
  return endpoint.is_unix() ? endpoint.unix_socket
                            : endpoint.host + ":" + std::to_string(endpoint.port);
}

[[noreturn]] inline void throw_connection_error(const Endpoint& endpoint,
                                                const std::string& cause) {
  throw MeshConnectionError(endpoint.name(), endpoint.port, cause);
}

}  // namespace mesh::redis
