#pragma once

#include <string_view>

namespace mesh::redis {

/// Ends each line of what Redis reads and writes.
inline constexpr std::string_view line_end = "\r\n";

}  // namespace mesh::redis
