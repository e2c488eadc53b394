#pragma once

#include <string>

#include <mesh/mesh.hpp>

namespace mesh::bench {

using ScalingMessages = MessageMap<Message<"echo", std::string, std::string>,
                                   Message<"wait", std::string, std::string>>;
using Node = MeshService<ScalingMessages>;

inline std::string payload() { return std::string(64, 'x'); }

}  // namespace mesh::bench
