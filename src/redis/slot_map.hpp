#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <redis/command.hpp>
#include <redis/endpoint.hpp>
#include <redis/reply.hpp>
#include <redis/slot.hpp>

namespace mesh::redis {

/// What to ask a node of a cluster for.
Command slots_query();

/// Where the slots of a cluster are, as one of its nodes sees it.
class SlotMap {
 public:
  /// Reads the reply to `slots_query()`. `asked` stands for a host that the node leaves out.
  /// Nothing if the reply is not as it should be.
  static std::optional<SlotMap> parse(const Reply& reply, const Endpoint& asked);

  /// Null if nobody has the slot.
  const Endpoint* primary_of(std::uint16_t slot) const;
  /// Primaries and replicas, each once.
  const std::vector<Endpoint>& nodes() const { return nodes_; }

 private:
  bool add_range(const Reply& range, const Endpoint& asked);
  std::size_t place_of(const Endpoint& node);

  static constexpr std::uint16_t nobody = UINT16_MAX;

  std::vector<Endpoint> nodes_;
  std::array<std::uint16_t, slot_count> primaries_;  // places in `nodes_`
};

}  // namespace mesh::redis
