#pragma once

#include <cstdint>

namespace mesh::bench {

/// What this process uses.
struct ProcessUsage {
  std::int64_t resident_bytes = 0;
  std::int64_t heap_bytes = 0;        ///< Allocated and not freed.
  std::int64_t cpu_microseconds = 0;  ///< User and system, since its start.
};

ProcessUsage process_usage();

}  // namespace mesh::bench
