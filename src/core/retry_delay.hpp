#pragma once

#include <algorithm>
#include <chrono>
#include <random>

#include <async/strand.hpp>

namespace mesh::core {

/// How long to wait before a message is published again that reached nobody: about 50 ms, doubling
/// up to 1 s, and less by up to a half at random. `attempts` counts those made before.
template <typename Random>
Clock::duration retry_delay(int attempts, Random& random) {
  const int longest = std::min(50 << std::min(attempts, 5), 1000);
  return std::chrono::milliseconds(
      std::uniform_int_distribution<int>(longest / 2, longest)(random));
}

}  // namespace mesh::core
