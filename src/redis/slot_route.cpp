#include <redis/slot_route.hpp>

#include <algorithm>
#include <utility>

namespace mesh::redis {

SlotRoute::SlotRoute(std::uint16_t slot, std::vector<Endpoint> seeds)
    : slot_(slot), seeds_(std::move(seeds)) {}

void SlotRoute::lead_to(std::uint16_t slot) {
  slot_ = slot;
  redirection_.reset();
  doubted_.reset();
}

bool SlotRoute::note_reply(const Reply& reply, const Endpoint& answered_by) {
  if (is_cluster_down(reply)) {
    doubt(answered_by);
    return true;
  }
  const auto redirection = parse_redirection(reply, answered_by);
  if (!redirection || redirection->is_asking || redirection->slot != slot_) return false;
  redirection_ = redirection->target;
  return true;
}

void SlotRoute::doubt(const Endpoint& node) {
  redirection_.reset();
  right_.reset();
  doubted_ = node;
}

std::optional<Endpoint> SlotRoute::take_redirection() {
  return std::exchange(redirection_, std::nullopt);
}

std::vector<Endpoint> SlotRoute::to_ask() {
  constexpr std::size_t most = 8;
  std::vector<Endpoint> others;
  const auto add = [&](const Endpoint& node) {
    const bool is_known = node == right_ || node == doubted_;
    if (!is_known && std::ranges::find(others, node) == others.end()) others.push_back(node);
  };
  for (const Endpoint& node : nodes_) add(node);
  for (const Endpoint& seed : seeds_) add(seed);
  if (others.size() > most) {
    turn_ = (turn_ + most) % others.size();
    std::rotate(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(turn_), others.end());
    others.resize(most);
  }
  if (right_) others.insert(others.begin(), *right_);
  if (doubted_) others.push_back(*doubted_);
  return others;
}

std::optional<Endpoint> SlotRoute::note_slots(const SlotMap& map) {
  // One that is cut off must not make the others forgotten.
  const Endpoint* const primary = map.primary_of(slot_);
  if (primary == nullptr) return std::nullopt;
  nodes_ = map.nodes();
  return *primary;
}

}  // namespace mesh::redis
