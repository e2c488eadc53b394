#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <mesh/options.hpp>

#include <redis/command.hpp>
#include <redis/endpoint.hpp>

namespace mesh::redis {

/// The servers of such a list as `RedisOptions::sentinel_host`, in order. Throws
/// `std::invalid_argument`.
std::vector<Endpoint> parse_endpoints(std::string_view list, std::uint16_t default_port);

/// The Sentinels that `options` list, in order. Throws `std::invalid_argument`.
std::vector<Endpoint> sentinel_endpoints(const RedisOptions& options);

/// What to ask a Sentinel, and what its answer means. No I/O.
Command sentinel_master_query(const std::string& master_name);

/// The master's address, or why there is none.
std::variant<Endpoint, std::string> parse_sentinel_reply(const Reply& reply,
                                                         const std::string& master_name);

/// What a Sentinel believes: the belief with the higher epoch is the newer one.
struct Belief {
  std::int64_t epoch = 0;
  Endpoint master{};

  bool operator==(const Belief&) const = default;
};

/// Asks for the epoch.
Command sentinel_epoch_query(const std::string& master_name);
/// From the replies to `sentinel_epoch_query()` and then `sentinel_master_query()`: the first names
/// the old master with the new epoch while this Sentinel replaces it. Nothing if they do not tell.
std::optional<Belief> parse_belief(const Reply& epoch, const Reply& master);

}  // namespace mesh::redis
