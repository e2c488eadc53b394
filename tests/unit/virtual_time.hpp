#pragma once

#include <chrono>

#include <async/strand.hpp>

namespace mesh {

/// When the tests begin that pass time themselves.
inline const TimePoint start = TimePoint() + std::chrono::hours(1);

}  // namespace mesh
