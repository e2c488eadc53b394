#pragma once

#include <cstdint>

namespace mesh::bench {

/// What this thread has allocated with `new` so far. Linking it replaces the global operators.
struct Allocations {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

Allocations allocations_so_far() noexcept;

}  // namespace mesh::bench
