#pragma once

#include <memory>

#include <boost/asio/awaitable.hpp>
#include <mesh/options.hpp>

#include <async/strand.hpp>
#include <redis/endpoint.hpp>
#include <redis/link.hpp>

namespace mesh::redis {

/// Where `options` says that Redis, or the Sentinel to ask first, is.
Endpoint configured_endpoint(const RedisOptions& options);

/// Makes a connection that is ready for commands: asks Sentinel if configured, resolves the name,
/// connects, and authenticates. Must run on the strand. Throws `MeshConnectionError` with the
/// configured host, latest at the deadline.
asio::awaitable<std::shared_ptr<Link>> connect(Strand strand, RedisOptions options,
                                               TimePoint deadline);

}  // namespace mesh::redis
