#include <wire/objection.hpp>

#include <wire/nesting.hpp>

namespace mesh::wire {

std::optional<std::string> objection_to(std::string_view message, const MeshLimits& limits) {
  if (message.size() > limits.message_size) {
    return "has " + std::to_string(message.size()) + " bytes, more than MeshLimits::message_size";
  }
  if (is_nested_deeper(message, limits.nesting_depth)) {
    return "is nested deeper than MeshLimits::nesting_depth";
  }
  return std::nullopt;
}

}  // namespace mesh::wire
