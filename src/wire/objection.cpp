#include <wire/objection.hpp>

#include <wire/nesting.hpp>

namespace mesh::wire {

std::optional<std::string> objection_to(std::size_t message_size, std::string_view value,
                                        const MeshLimits& limits) {
  if (message_size > limits.message_size) {
    return "has " + std::to_string(message_size) + " bytes, more than MeshLimits::message_size";
  }
  const std::size_t most_levels = limits.nesting_depth - 1;
  // What is opened is closed again.
  const bool has_room = value.size() >= 2 * (most_levels + 1);
  if (has_room && is_nested_deeper(value, most_levels)) {
    return "is nested deeper than MeshLimits::nesting_depth";
  }
  return std::nullopt;
}

}  // namespace mesh::wire
