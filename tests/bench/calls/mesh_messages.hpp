#pragma once

#include <cstdint>
#include <string>

#include <mesh/mesh.hpp>
#include <nlohmann/json.hpp>

namespace mesh::bench {

struct Echo {
  std::string text;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Echo, text)

using Service = MeshService<MessageMap<Message<"echo", Echo, Echo>>>;

inline constexpr const char* mesh_key = "calls";

inline MeshOptions mesh_options(std::uint16_t redis_port) {
  MeshOptions options;
  options.redis = RedisOptions{};
  options.redis.port = redis_port;
  options.redis.application_name = "mesh-bench";
  return options;
}

}  // namespace mesh::bench
