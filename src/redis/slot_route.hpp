#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <redis/endpoint.hpp>
#include <redis/redirection.hpp>
#include <redis/reply.hpp>
#include <redis/slot_map.hpp>

namespace mesh::redis {

/// How to find the primary of one slot of a cluster: by a redirection, or by asking the nodes that
/// are known. No I/O.
class SlotRoute {
 public:
  /// `seeds` are those that the options name.
  SlotRoute(std::uint16_t slot, std::vector<Endpoint> seeds);

  std::uint16_t slot() const { return slot_; }
  /// From now on it is about this slot.
  void lead_to(std::uint16_t slot);
  const std::vector<Endpoint>& seeds() const { return seeds_; }

  /// A node has answered a command so. Whether that means to go elsewhere for good.
  bool note_reply(const Reply& reply, const Endpoint& answered_by);
  /// This node is not to be relied on, as it may be cut off from the others.
  void doubt(const Endpoint& node);
  /// Where the last redirection led, once; else the nodes have to be asked.
  std::optional<Endpoint> take_redirection();

  /// Whom to ask next, so many that each has some time: the one whose answer was right last, then
  /// others and seeds in turn, and last who is in doubt.
  std::vector<Endpoint> to_ask();
  /// A node sees the slots so. Nothing if it knows no primary.
  std::optional<Endpoint> note_slots(const SlotMap& map);
  /// The primary that the node named can be reached.
  void note_right(const Endpoint& asked) { right_ = asked; }

 private:
  std::uint16_t slot_;
  std::vector<Endpoint> seeds_;
  std::vector<Endpoint> nodes_;  // of the last answer
  std::optional<Endpoint> right_;
  std::optional<Endpoint> doubted_;
  std::optional<Endpoint> redirection_;
  std::size_t turn_ = 0;
};

}  // namespace mesh::redis
