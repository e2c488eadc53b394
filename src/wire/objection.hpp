#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <mesh/options.hpp>

namespace mesh::wire {

/// Why a message must not be sent, as a sentence about it without its subject: its receivers have
/// limits as well. Nothing if it may.
std::optional<std::string> objection_to(std::string_view message, const MeshLimits& limits);

}  // namespace mesh::wire
