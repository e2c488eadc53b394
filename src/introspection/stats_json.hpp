#pragma once

#include <string>

#include <mesh/stats.hpp>

namespace mesh::introspection {

/// As nodes answer `$mesh.stats`: see docs/protocol.md.
std::string to_json(const MeshStats& stats);

/// The same, but without the buckets of the latencies if they make it longer than 1 MiB.
std::string to_bounded_json(const MeshStats& stats);

}  // namespace mesh::introspection
