#include <redis/slot_table.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

namespace mesh::redis {

SlotTable::SlotTable(std::uint16_t first_slot) {
  // Nobody else shares the first one before it is known where it leads.
  constexpr NodeNumber place_of_first = 1;
  nodes_.resize(2);
  nodes_[unknown].slots = slot_count;
  move(first_slot, place_of_first);
  add(first_slot);
}

SlotTable::Place SlotTable::add(std::uint16_t slot) {
  const auto vacant = std::ranges::find(connections_, Use::removed, &Connection::use);
  const auto place = static_cast<Place>(vacant - connections_.begin());
  if (vacant == connections_.end()) connections_.emplace_back();
  Connection& connection = connections_[place];
  connection = Connection{};
  connection.slot = slot;
  connection.is_successor = nodes_[slots_[slot]].was_served;
  assign();
  return place;
}

void SlotTable::note_connected(Place place, const Endpoint& primary) {
  const NodeNumber number = number_of(primary);
  move(connections_[place].slot, number);
  connections_[place].node = number;
  assign();
}

void SlotTable::note_lost(Place place) {
  connections_[place].node.reset();
  assign();
}

void SlotTable::note_moved(std::uint16_t slot, const Endpoint& primary) {
  const NodeNumber number = number_of(primary);
  if (slots_[slot] == number) return;  // many commands may be answered so
  move(slot, number);
  assign();
}

bool SlotTable::note_slots(const SlotMap& map) {
  return take_slots(map, [](std::uint16_t, const Endpoint&) { return true; });
}

bool SlotTable::note_slots_of(const Endpoint& primary, const SlotMap& map) {
  return take_slots(map, [&](std::uint16_t slot, const Endpoint& told) {
    return told == primary || nodes_[slots_[slot]].endpoint == primary;
  });
}

template <typename IsTaken>
bool SlotTable::take_slots(const SlotMap& map, IsTaken is_taken) {
  std::vector<NodeNumber> numbers(map.nodes().size(), unknown);
  bool is_news = false;
  for (std::size_t i = 0; i < slot_count; ++i) {
    const auto slot = static_cast<std::uint16_t>(i);
    const Endpoint* const primary = map.primary_of(slot);
    if (primary == nullptr || !is_taken(slot, *primary)) continue;
    NodeNumber& number = numbers[static_cast<std::size_t>(primary - map.nodes().data())];
    if (number == unknown) number = number_of(*primary);
    if (slots_[slot] == number) continue;
    is_news = true;
    move(slot, number);
  }
  if (is_news) assign();
  return is_news;
}

std::vector<SlotTable::Place> SlotTable::superfluous() const {
  std::vector<Place> places;
  for (std::size_t place = 0; place < connections_.size(); ++place) {
    if (connections_[place].use == Use::superfluous) places.push_back(static_cast<Place>(place));
  }
  return places;
}

void SlotTable::remove(Place place) {
  connections_[place].use = Use::removed;
  assign();
}

// The caller must give it a slot or a connection at once, lest it is forgotten.
SlotTable::NodeNumber SlotTable::number_of(const Endpoint& endpoint) {
  auto node = std::ranges::find(nodes_, endpoint, &Node::endpoint);
  if (node == nodes_.end()) {
    std::size_t number = unknown + 1;
    while (number < nodes_.size() && !is_forgotten(number)) ++number;
    if (number == nodes_.size()) nodes_.emplace_back();
    node = nodes_.begin() + static_cast<std::ptrdiff_t>(number);
    *node = Node{};
    node->endpoint = endpoint;
  }
  return static_cast<NodeNumber>(node - nodes_.begin());
}

bool SlotTable::is_forgotten(std::size_t number) const {
  return nodes_[number].slots == 0 &&
         std::ranges::none_of(connections_, [number](const Connection& connection) {
           return connection.use == Use::serving && connection.node == number;
         });
}

void SlotTable::move(std::uint16_t slot, NodeNumber number) {
  Node& from = nodes_[slots_[slot]];
  Node& to = nodes_[number];
  --from.slots;
  ++to.slots;
  if (from.was_served) to.was_served = true;
  slots_[slot] = number;
}

// One that is not connected goes where its slot is.
SlotTable::NodeNumber SlotTable::target_of(const Connection& connection) const {
  return connection.node.value_or(slots_[connection.slot]);
}

void SlotTable::assign() {
  std::vector<Place> former;
  former.reserve(nodes_.size());
  for (Node& node : nodes_) former.push_back(std::exchange(node.place, nowhere));
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i].use != Use::serving) continue;
    const NodeNumber target = target_of(connections_[i]);
    const auto place = static_cast<Place>(i);
    Node& node = nodes_[target];
    if (is_better(place, node.place, former[target])) node.place = place;
    node.was_served = node.endpoint.port != 0;
  }
  for (std::size_t i = first + 1; i < connections_.size(); ++i) {
    if (connections_[i].use != Use::serving) continue;
    Node& node = nodes_[target_of(connections_[i])];
    if (node.place == i && node.slots > 0) continue;
    connections_[i].use = Use::superfluous;
    if (node.place == i) node.place = nowhere;
  }
}

bool SlotTable::is_better(Place one, Place other, Place former) const {
  if (other == nowhere) return true;
  const auto merits = [&](Place place) {
    return std::make_tuple(connections_[place].node.has_value(), place == first, place == former);
  };
  return merits(one) > merits(other);
}

}  // namespace mesh::redis
