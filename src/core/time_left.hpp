#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include <async/strand.hpp>

namespace mesh::core {

/// At least 1 ms, so that what is on its way until then is not late already; nothing where there is
/// no end.
inline std::optional<std::chrono::milliseconds> time_left(TimePoint until, TimePoint now) {
  if (until == TimePoint::max()) return std::nullopt;
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(until - now),
                  std::chrono::milliseconds(1));
}

}  // namespace mesh::core
