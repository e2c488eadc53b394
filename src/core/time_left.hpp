#pragma once

#include <algorithm>
#include <chrono>

#include <async/strand.hpp>

namespace mesh::core {

/// At least 1 ms, so that what is on its way until then is not late already.
inline std::chrono::milliseconds time_left(TimePoint until, TimePoint now) {
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(until - now),
                  std::chrono::milliseconds(1));
}

}  // namespace mesh::core
