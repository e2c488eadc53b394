#pragma once

#include <algorithm>
#include <chrono>

#include <async/strand.hpp>

namespace mesh::core {

/// How often a caller with this timeout is told that its request is being worked on, or will be.
/// The floor keeps a tiny timeout from drawing a flood.
inline Clock::duration heartbeat_interval(std::chrono::milliseconds timeout) {
  return std::max<Clock::duration>(Clock::duration(timeout) * 3 / 4, std::chrono::milliseconds(10));
}

}  // namespace mesh::core
