#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace mesh::fuzz {

/// Ends the program, which the fuzzer takes for a crash, unless the condition holds.
inline void require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n", what.c_str());
  std::abort();
}

}  // namespace mesh::fuzz
