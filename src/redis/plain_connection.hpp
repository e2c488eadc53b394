#pragma once

#include <memory>

#include <redis/channel_kind.hpp>
#include <redis/connection.hpp>

namespace mesh::redis {

/// Begins to connect to a numeric address or a unix socket, without TLS. All its channels are of
/// this kind.
std::shared_ptr<Connection> open_plain_connection(const Strand& strand, const Endpoint& endpoint,
                                                  const Connection::Callbacks& callbacks,
                                                  ChannelKind kind);

}  // namespace mesh::redis
