#include <wire/nesting.hpp>

#include <algorithm>
#include <cstdint>

namespace mesh::wire {

namespace {

bool is_opening(char c) {
  return (c | 0x20) == '{';  // which differs from '[' in that bit only
}

// Of which the count fits a byte; then it becomes vector code.
constexpr std::size_t block = 32;

std::size_t count_openings_in_block(const char* begin) {
  std::uint8_t count = 0;
  for (std::size_t i = 0; i < block; ++i) {
    count = static_cast<std::uint8_t>(count + static_cast<std::uint8_t>(is_opening(begin[i])));
  }
  return count;
}

// Also those in strings, and some at the end twice.
std::size_t most_openings(std::string_view json) {
  if (json.size() < block) {
    return static_cast<std::size_t>(std::ranges::count_if(json, is_opening));
  }
  const std::size_t last = json.size() - block;
  std::size_t count = count_openings_in_block(json.data() + last);
  for (std::size_t i = 0; i < last; i += block) count += count_openings_in_block(json.data() + i);
  return count;
}

}  // namespace

bool is_nested_deeper(std::string_view json, std::size_t most) {
  if (most_openings(json) <= most) return false;  // as usual
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > most) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace mesh::wire
