#include <core/prepared_options.hpp>

#include <unistd.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <utility>

#include <config/key_prefix.hpp>
#include <config/same_place.hpp>
#include <util/gated.hpp>

namespace mesh::core {

namespace {

/// Nothing where the election can be on the mesh's own connection.
std::optional<RedisOptions> redis_of_election(std::optional<RedisOptions> leader,
                                              const RedisOptions& mesh) {
  if (!leader || detail::is_outdated_election(*leader, mesh)) return std::nullopt;
  const std::string prefix = config::mutex_prefix(mesh);
  const bool has_own = !leader->mutex_prefix.empty() && leader->mutex_prefix != prefix;
  if (config::is_same_place(*leader, mesh) && !has_own) return std::nullopt;
  return leader;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

}  // namespace

MeshOptions prepare_options(const std::string& key, MeshOptions options,
                            std::shared_ptr<const detail::Gate> gate) {
  if (key.empty()) throw std::invalid_argument("the key of a MeshService must not be empty");
  options.validate();
  if (options.hostname.empty()) options.hostname = host_name();
  options.log = gated(std::move(options.log), gate);
  options.leader_redis = redis_of_election(std::move(options.leader_redis), options.redis);
  if (options.leader_redis) *options.leader_redis = gated(std::move(*options.leader_redis), gate);
  options.redis = gated(std::move(options.redis), std::move(gate));
  return options;
}

}  // namespace mesh::core
