#include <redis/outgoing.hpp>

// Not <netinet/tcp.h>, whose tcp_info ends before what is needed here.
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>

namespace mesh::redis {

Outgoing outgoing_of(int socket, std::uint64_t written) {
  int queued = 0;
  if (ioctl(socket, SIOCOUTQ, &queued) != 0) queued = 0;
  Outgoing outgoing;
  outgoing.waiting = static_cast<std::uint64_t>(std::max(queued, 0));
  outgoing.received = written - std::min(written, outgoing.waiting);
  tcp_info info{};
  socklen_t size = sizeof(info);
  constexpr std::size_t enough = offsetof(tcp_info, tcpi_bytes_acked) + sizeof(std::uint64_t);
  const bool is_tcp = getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
  // Counts what TLS adds, as the queue does.
  if (is_tcp && size >= enough) outgoing.received = info.tcpi_bytes_acked;
  return outgoing;
}

}  // namespace mesh::redis
