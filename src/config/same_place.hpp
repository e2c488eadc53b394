#pragma once

#include <mesh/options.hpp>

namespace mesh::config {

/// Whether both lead to the same server, as far as names tell.
inline bool is_same_server(const RedisOptions& left, const RedisOptions& right) {
  if (left.cluster != right.cluster || left.sentinel_host != right.sentinel_host) return false;
  if (!left.cluster.empty()) return true;
  if (!left.sentinel_host.empty()) {
    return left.sentinel_port == right.sentinel_port && left.sentinel_name == right.sentinel_name;
  }
  if (left.unix_socket != right.unix_socket) return false;
  return !left.unix_socket.empty() || (left.host == right.host && left.port == right.port);
}

/// The same of the database.
inline bool is_same_place(const RedisOptions& left, const RedisOptions& right) {
  return left.database == right.database && is_same_server(left, right);
}

}  // namespace mesh::config
