#pragma once

#include <cstdint>

namespace mesh::test::faults {

/// How many TCP segments with data have arrived at the socket.
std::uint64_t received_data_segments(int socket);

}  // namespace mesh::test::faults
