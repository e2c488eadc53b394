#pragma once

#include <vector>

#include <boost/asio/awaitable.hpp>

#include <async/strand.hpp>
#include <redis/endpoint.hpp>

namespace mesh::redis {

/// The numeric addresses behind a name, without blocking; a unix socket or a numeric address
/// stands for itself. Must run on the strand. Throws `MeshConnectionError`.
asio::awaitable<std::vector<Endpoint>> resolve(Strand strand, Endpoint endpoint,
                                               TimePoint deadline);

}  // namespace mesh::redis
