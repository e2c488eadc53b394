#pragma once

#include <string_view>

#include <mesh/options.hpp>

#include <wire/decode.hpp>

namespace mesh::wire {

/// Reads a message that is written to the letter as most that this library writes: requests without
/// headers, and responses without an error. That takes a fraction of the time, as no names have to
/// be looked up. False, leaving `message` alone, for all others, good or bad.
bool read_usual_message(std::string_view text, const MeshLimits& limits, NodeMessage& message);

}  // namespace mesh::wire
