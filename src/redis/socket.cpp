#include <redis/socket.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>

namespace mesh::redis {

namespace {

boost::system::error_code last_error() { return {errno, boost::system::system_category()}; }

}  // namespace

boost::system::error_code open_socket(BasicSocket& socket, const StreamProtocol& protocol) {
  const int descriptor =
      ::socket(protocol.family(), protocol.type() | SOCK_CLOEXEC, protocol.protocol());
  if (descriptor < 0) return last_error();
  boost::system::error_code error;
  socket.assign(protocol, descriptor, error);
  if (error) ::close(descriptor);
  return error;
}

boost::system::error_code connect_at_once(BasicSocket& socket,
                                          const StreamProtocol::endpoint& address) {
  boost::system::error_code error;
  socket.non_blocking(true, error);
  if (error) return error;
  const auto size = static_cast<socklen_t>(address.size());
  if (::connect(socket.native_handle(), address.data(), size) == 0) return {};
  return last_error();
}

void close_socket(BasicSocket& socket, bool discard) {
  if (!socket.is_open()) return;
  boost::system::error_code ignored;
  if (discard) {
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    // Resets TCP at once, where closing resets only what nobody else holds.
    sockaddr nowhere{};
    nowhere.sa_family = AF_UNSPEC;
    static_cast<void>(::connect(socket.native_handle(), &nowhere, sizeof(nowhere)));
  }
  socket.shutdown(asio::socket_base::shutdown_both, ignored);
  socket.close(ignored);
}

}  // namespace mesh::redis
