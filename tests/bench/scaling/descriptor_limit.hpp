#pragma once

#include <sys/resource.h>

namespace mesh::bench {

/// As many open files as may be; programs that are started inherit it.
inline void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace mesh::bench
