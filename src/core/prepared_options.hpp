#pragma once

#include <memory>
#include <string>

#include <mesh/detail/gate.hpp>
#include <mesh/options.hpp>

namespace mesh::core {

/// What a node works with: checked, what is left open filled in, and nothing of the user's called
/// once the gate is closed. `leader_redis` is only set where the election needs a connection of its
/// own. Throws `std::invalid_argument`.
MeshOptions prepare_options(const std::string& key, MeshOptions options,
                            std::shared_ptr<const detail::Gate> gate);

}  // namespace mesh::core
