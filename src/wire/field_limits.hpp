#pragma once

#include <cstddef>
#include <cstdint>

/// What the fields of messages may hold.
namespace mesh::wire {

constexpr std::size_t longest_request_id = 256;  ///< A uuid has 36 characters.
constexpr std::int64_t longest_time_in_ms = 1'000'000'000'000;
constexpr std::size_t most_exact_digits = 15;   ///< That a double holds.
constexpr std::int64_t known_accepts = 0xFFFF;  ///< As bits.

}  // namespace mesh::wire
