#pragma once

namespace mesh::test::faults {

/// Lets the kernel drop, or no longer drop, every packet that comes for this socket, unanswered;
/// on a listening socket those that would connect. Sockets that a listening one accepts inherit it.
/// False if it is not permitted: newer kernels demand CAP_NET_ADMIN.
bool set_packets_dropped(int socket, bool dropped);

}  // namespace mesh::test::faults
