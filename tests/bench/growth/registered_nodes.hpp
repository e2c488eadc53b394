#pragma once

#include <cstddef>

#include <core/keys.hpp>
#include <support/redis_probe.hpp>

namespace mesh::bench {

/// Fills the registry up to so many nodes with such as are only registered: they have heartbeats of
/// now, names of their hosts and owners of their ids. What is there stays.
void fill_registry(test::RedisProbe& probe, const core::Keys& keys, std::size_t nodes);

}  // namespace mesh::bench
