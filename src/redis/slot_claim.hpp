#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <redis/command.hpp>
#include <redis/reply.hpp>

namespace mesh::redis {

/// What to ask a node of a cluster for.
Command claims_query();

/// Who has a slot, as a node of a cluster sees it. Of two claims the one of the higher epoch is the
/// newer one.
struct SlotClaim {
  std::string node_id{};
  std::int64_t epoch = 0;
  bool is_own = false;  ///< Of the node that says it.

  bool operator==(const SlotClaim&) const = default;
};

/// From the reply to `claims_query()`. Nothing if nobody has the slot, or the reply does not tell.
std::optional<SlotClaim> parse_claim(const Reply& reply, std::uint16_t slot);

/// Whether another node has the slot by now.
inline bool is_outdated(const SlotClaim& claim, const SlotClaim& other) {
  return other.node_id != claim.node_id && other.epoch > claim.epoch;
}

}  // namespace mesh::redis
