#pragma once

#include <cstddef>
#include <string_view>

namespace mesh::wire {

/// Whether arrays and objects are in each other more than `most` levels deep, in JSON text that
/// need not be valid.
bool is_nested_deeper(std::string_view json, std::size_t most);

}  // namespace mesh::wire
