#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace mesh::wire {

constexpr std::size_t most_headers = 64;
constexpr std::size_t longest_header = std::size_t{4} << 10U;  // a name, or a text

inline bool is_header_name(std::string_view name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  return !name.empty() && std::ranges::none_of(name, is_control);
}

}  // namespace mesh::wire
