#include <wire/nesting.hpp>

namespace mesh::wire {

namespace {

// Also those in strings. Without branches, so that it becomes vector code.
std::size_t count_openings(std::string_view json) {
  std::size_t count = 0;
  for (const char c : json) count += static_cast<std::size_t>((c == '{') | (c == '['));
  return count;
}

}  // namespace

bool is_nested_deeper(std::string_view json, std::size_t most) {
  if (count_openings(json) <= most) return false;  // as usual
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
