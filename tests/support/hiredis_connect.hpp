#pragma once

#include <chrono>

#include <mesh/options.hpp>

struct redisContext;

namespace mesh::test {

/// A blocking hiredis connection, authenticated; throws `RedisProbeError`. To be freed.
redisContext* connect_blocking(const RedisOptions& options, std::chrono::milliseconds timeout);

}  // namespace mesh::test
