#include "packet_filter.hpp"

#include <linux/filter.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace mesh::test::faults {

bool set_packets_dropped(int socket, bool dropped) {
  int status = 0;
  if (dropped) {
    sock_filter keep_nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    const sock_fprog program{1, &keep_nothing};
    status = setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
  } else {
    const int unused = 0;
    status = setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
    if (status != 0 && errno == ENOENT) return true;  // it has none
  }
  if (status != 0 && errno == EPERM) return false;
  if (status != 0) throw std::system_error(errno, std::generic_category(), "socket filter");
  return true;
}

}  // namespace mesh::test::faults
