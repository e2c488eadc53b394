#pragma once

#include <algorithm>
#include <chrono>

#include <async/strand.hpp>

namespace mesh::core {

/// How long to wait before a message is published again that reached nobody: from 50 ms, doubling
/// up to 1 s. `attempts` counts those made before.
inline Clock::duration retry_delay(int attempts) {
  return std::chrono::milliseconds(std::min(50 << std::min(attempts, 5), 1000));
}

}  // namespace mesh::core
