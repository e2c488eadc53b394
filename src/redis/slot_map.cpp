#include <redis/slot_map.hpp>

#include <algorithm>

#include <config/number.hpp>

namespace mesh::redis {

namespace {

/// From host, port and what else there is about a node. Nothing if its host is not known.
std::optional<Endpoint> parse_node(const Reply& node, const Endpoint& asked) {
  constexpr std::size_t least_elements = 2;
  if (node.elements.size() < least_elements) return std::nullopt;
  const std::int64_t port = node.elements[1].integer;
  if (port < 1 || port > config::largest_port) return std::nullopt;
  std::string host = node.elements[0].text;
  if (host == "?") return std::nullopt;
  if (host.empty()) host = asked.host;
  return Endpoint{std::move(host), static_cast<std::uint16_t>(port), {}};
}

}  // namespace

Command slots_query() { return {"CLUSTER", "SLOTS"}; }

std::optional<SlotMap> SlotMap::parse(const Reply& reply, const Endpoint& asked) {
  if (reply.kind != Reply::Kind::array) return std::nullopt;
  SlotMap map;
  map.primaries_.fill(nobody);
  for (const Reply& range : reply.elements) {
    if (!map.add_range(range, asked)) return std::nullopt;
  }
  return map;
}

// First and last slot, the primary, and replicas.
bool SlotMap::add_range(const Reply& range, const Endpoint& asked) {
  constexpr std::size_t nodes_begin = 2;
  if (range.elements.size() <= nodes_begin) return false;
  const std::int64_t first = range.elements[0].integer;
  const std::int64_t last = range.elements[1].integer;
  if (first < 0 || first > last || last >= static_cast<std::int64_t>(slot_count)) return false;
  for (std::size_t i = nodes_begin; i < range.elements.size(); ++i) {
    const auto node = parse_node(range.elements[i], asked);
    if (!node) continue;
    const auto place = static_cast<std::uint16_t>(place_of(*node));
    if (i == nodes_begin) {
      std::fill(primaries_.begin() + first, primaries_.begin() + last + 1, place);
    }
  }
  return true;
}

std::size_t SlotMap::place_of(const Endpoint& node) {
  const auto place = static_cast<std::size_t>(std::ranges::find(nodes_, node) - nodes_.begin());
  if (place == nodes_.size()) nodes_.push_back(node);
  return place;
}

const Endpoint* SlotMap::primary_of(std::uint16_t slot) const {
  const std::uint16_t place = primaries_.at(slot);
  return place == nobody ? nullptr : &nodes_[place];
}

}  // namespace mesh::redis
