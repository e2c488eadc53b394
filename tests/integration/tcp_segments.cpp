#include "tcp_segments.hpp"

// Not <netinet/tcp.h>, whose tcp_info ends before what is needed here.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace mesh::test::faults {

std::uint64_t received_data_segments(int socket) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "TCP_INFO");
  }
  return info.tcpi_data_segs_in;
}

}  // namespace mesh::test::faults
