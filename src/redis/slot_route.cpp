#include <redis/slot_route.hpp>

#include <algorithm>
#include <utility>

namespace mesh::redis {

SlotRoute::SlotRoute(std::uint16_t slot, std::vector<Endpoint> seeds)
    : slot_(slot), seeds_(std::move(seeds)) {}

bool SlotRoute::note_reply(const Reply& reply, const Endpoint& answered_by) {
  auto redirection = parse_redirection(reply, answered_by);
  if (redirection && redirection->slot != slot_) return false;
  if (!redirection && !is_cluster_down(reply)) return false;
  if (!redirection) {
    right_.reset();
    doubted_ = answered_by;
  }
  redirection_ = std::move(redirection);
  return true;
}

std::optional<Redirection> SlotRoute::take_redirection() {
  return std::exchange(redirection_, std::nullopt);
}

std::vector<Endpoint> SlotRoute::to_ask() const {
  std::vector<Endpoint> all;
  const auto add = [&](const Endpoint& node) {
    if (node != doubted_ && std::ranges::find(all, node) == all.end()) all.push_back(node);
  };
  if (right_) add(*right_);
  for (const Endpoint& node : nodes_) add(node);
  for (const Endpoint& seed : seeds_) add(seed);
  if (doubted_) all.push_back(*doubted_);
  return all;
}

std::optional<Endpoint> SlotRoute::note_slots(const Reply& reply, const Endpoint& asked) {
  const auto map = SlotMap::parse(reply, asked);
  if (!map) return std::nullopt;
  // One that is cut off must not make the others forgotten.
  const Endpoint* const primary = map->primary_of(slot_);
  if (primary == nullptr) return std::nullopt;
  nodes_ = map->nodes();
  return *primary;
}

}  // namespace mesh::redis
