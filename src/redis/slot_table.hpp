#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <redis/endpoint.hpp>
#include <redis/slot.hpp>
#include <redis/slot_map.hpp>

namespace mesh::redis {

/// Which connection to a cluster serves which slot. Each one follows a slot of its own wherever
/// that goes, and serves all slots of the primary where it is, or will be. No I/O.
class SlotTable {
 public:
  using Place = std::uint16_t;  ///< Of a connection.
  static constexpr Place nowhere = UINT16_MAX;
  static constexpr Place first = 0;

  /// `first_slot` is that of the first connection, which is never superfluous.
  explicit SlotTable(std::uint16_t first_slot);

  /// The connection for the slot. Slots of which nothing is known share one, so that there are not
  /// as many connections as slots. `nowhere`: one has to be added.
  Place place_of(std::uint16_t slot) const { return nodes_[slots_[slot]].place; }
  /// A connection that will follow this slot, which had none.
  Place add(std::uint16_t slot);
  /// Whether another connection served the primary, or a slot that it has by now, before this one.
  bool is_successor(Place place) const { return connections_[place].is_successor; }

  void note_connected(Place place, const Endpoint& primary);
  void note_lost(Place place);
  /// The slot is at this primary for good.
  void note_moved(std::uint16_t slot, const Endpoint& primary);
  /// Slots that are at nobody's, are left where they were. Whether that is news.
  bool note_slots(const SlotMap& map);
  /// The same where one primary tells it, who may be behind: taken is which slots it has, and which
  /// of those that it had it has no more. Where it was replaced and does not know, the next
  /// redirection or answer of its successor sets that right.
  bool note_slots_of(const Endpoint& primary, const SlotMap& map);

  /// Connections that serve no slot from now on, and are to be removed once they are idle.
  std::vector<Place> superfluous() const;
  /// The place is given to another one.
  void remove(Place place);

 private:
  using NodeNumber = std::uint16_t;

  struct Node {
    Endpoint endpoint{};  // port 0: not known
    std::size_t slots = 0;
    Place place = nowhere;
    bool was_served = false;
  };
  enum class Use { serving, superfluous, removed };
  struct Connection {
    std::uint16_t slot = 0;
    std::optional<NodeNumber> node{};  // while connected
    Use use = Use::serving;
    bool is_successor = false;
  };

  NodeNumber number_of(const Endpoint& endpoint);
  bool is_forgotten(std::size_t number) const;
  template <typename IsTaken>
  bool take_slots(const SlotMap& map, IsTaken is_taken);
  void move(std::uint16_t slot, NodeNumber number);
  NodeNumber target_of(const Connection& connection) const;
  void assign();
  bool is_better(Place one, Place other, Place former) const;

  static constexpr NodeNumber unknown = 0;

  std::vector<Node> nodes_;
  std::vector<NodeNumber> slots_ = std::vector<NodeNumber>(slot_count, unknown);
  std::vector<Connection> connections_;
};

}  // namespace mesh::redis
