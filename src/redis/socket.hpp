#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>

#include <async/strand.hpp>

namespace mesh::redis {

using StreamProtocol = asio::generic::stream_protocol;
/// What a plain connection and one with TLS have at the bottom.
using BasicSocket = StreamProtocol::socket::lowest_layer_type;

/// Opens a socket that the programs which this process executes do not inherit; Asio's own would
/// be. Redis would take a connection that such a program holds for one that is alive.
boost::system::error_code open_socket(BasicSocket& socket, const StreamProtocol& protocol);

/// A connect() that does not wait, for unix sockets: `try_again` says that the server has no room
/// for another one yet, which Asio takes for success.
boost::system::error_code connect_at_once(BasicSocket& socket,
                                          const StreamProtocol::endpoint& address);

/// Ends the connection, also if a process that was forked holds the socket as well. `discard` drops
/// what the peer has not received.
void close_socket(BasicSocket& socket, bool discard);

}  // namespace mesh::redis
