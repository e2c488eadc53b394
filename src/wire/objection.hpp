#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <mesh/options.hpp>

namespace mesh::wire {

/// Why a message of so many bytes must not be sent that holds this value, JSON text, one level
/// down: its receivers have limits as well. As a sentence about it without its subject; nothing if
/// it may.
std::optional<std::string> objection_to(std::size_t message_size, std::string_view value,
                                        const MeshLimits& limits);

}  // namespace mesh::wire
