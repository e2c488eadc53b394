#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesh::config {

/// Of a Redis server.
constexpr std::uint16_t redis_port = 6379;

struct HostAndPort {
  std::string host;
  std::uint16_t port = 0;
};

/// Reads a list such as "one, two:26380, [::1]:26379, ::1"; entries without a port get the default.
/// Throws `std::invalid_argument` saying what was expected.
std::vector<HostAndPort> parse_host_list(std::string_view text, std::uint16_t default_port);

}  // namespace mesh::config
