#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mesh::redis {

/// Into so many slots a cluster divides its keys.
constexpr std::size_t slot_count = 16384;

/// The slot of a key or a sharded channel. Of a name with braces only what is between the first {
/// and the next } counts, unless that is empty.
std::uint16_t slot_of(std::string_view name);

}  // namespace mesh::redis
