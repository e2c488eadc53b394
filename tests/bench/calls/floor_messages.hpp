#pragma once

namespace mesh::bench {

inline constexpr const char* call_channel = "floor:calls";
inline constexpr const char* answer_channel = "floor:answers";

}  // namespace mesh::bench
