#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mesh::codec {

/// A value within a JSON text.
struct JsonPlace {
  std::string pointer;  ///< JSON pointer (RFC 6901).
  std::string_view text;
  bool is_object = false;
  std::vector<std::string> keys{};  ///< Of an object.
};

struct JsonPlaces {
  std::vector<JsonPlace> places;  ///< What is inside of another comes before it.
  std::size_t values = 0;         ///< All that there are.
};

/// The JSON pointer to a member of what is at `pointer`, or to the element with that number.
std::string member_pointer(std::string_view pointer, std::string_view key);

/// The first values of a valid text: so many at most, and fewer if they have long pointers.
JsonPlaces find_places(std::string_view json, std::size_t most);

}  // namespace mesh::codec
