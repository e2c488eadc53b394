#include <string>
#include <string_view>

#include <mesh/options.hpp>

namespace mesh::detail {

namespace {

/// What a setting came from; empty if it is the default.
template <typename Value>
std::string source_of(const ReadVariable<Value>& read, const Value& value, const Value& standard,
                      std::string_view option) {
  // The program may have set it to something else since.
  if (!read.name.empty() && read.value == value) return read.name;
  return value == standard ? "" : "RedisOptions::" + std::string(option);
}

template <typename Value>
bool is_as_read(const ReadVariable<Value>& read, const Value& value, const Value& standard) {
  return value == (read.name.empty() ? standard : read.value);
}

bool is_replaced(const RedisOptions& options, const AddressOrigin& origin,
                 std::string_view environment) {
  const RedisOptions defaults;
  return origin.environment != environment ||
         !is_as_read(origin.sentinel_host, options.sentinel_host, defaults.sentinel_host) ||
         !is_as_read(origin.cluster, options.cluster, defaults.cluster) ||
         !is_as_read(origin.host, options.host, defaults.host) ||
         !is_as_read(origin.port, options.port, defaults.port) ||
         // A variable for the host has cleared that of a URL.
         (!options.unix_socket.empty() && options.unix_socket != origin.unix_socket.value);
}

}  // namespace

bool is_outdated_election(const RedisOptions& leader, const RedisOptions& mesh) {
  return leader.is_implied_ && !is_replaced(leader, leader.origin_, "MUTEX") &&
         (is_replaced(mesh, mesh.origin_, "MESH") || !mesh.cluster.empty());
}

std::string describe_origin(const RedisOptions& options) {
  const RedisOptions defaults;
  const AddressOrigin& origin = options.origin_;
  if (!options.cluster.empty()) {
    return "from " + source_of(origin.cluster, options.cluster, defaults.cluster, "cluster");
  }
  if (!options.sentinel_host.empty()) {
    return "from " + source_of(origin.sentinel_host, options.sentinel_host, defaults.sentinel_host,
                               "sentinel_host");
  }
  if (!options.unix_socket.empty()) {
    return "from " +
           source_of(origin.unix_socket, options.unix_socket, defaults.unix_socket, "unix_socket");
  }
  const std::string host = source_of(origin.host, options.host, defaults.host, "host");
  const std::string port = source_of(origin.port, options.port, defaults.port, "port");
  if (host.empty() && port.empty()) {
    const std::string url = origin.environment.empty() ? "" : origin.environment + "_REDIS_URL or ";
    return "the default; set " + url + "RedisOptions::host";
  }
  if (host.empty()) return "the host by default, the port from " + port;
  if (port.empty() || port == host) return "from " + host;
  return "the host from " + host + ", the port from " + port;
}

}  // namespace mesh::detail
