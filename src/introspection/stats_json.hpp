#pragma once

#include <string>

#include <mesh/stats.hpp>

namespace mesh::introspection {

/// As nodes answer `$mesh.stats`: see docs/protocol.md.
std::string to_json(const MeshStats& stats);

}  // namespace mesh::introspection
