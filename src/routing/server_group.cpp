#include <routing/server_group.hpp>

#include <algorithm>
#include <utility>

namespace mesh::routing {

namespace {

constexpr std::size_t few = 8;
constexpr std::size_t most_holders = 1024;  // a power of two

bool was_tried(std::span<const InstanceId> tried, InstanceId id) {
  return std::ranges::find(tried, id) != tried.end();
}

}  // namespace

void ServerGroup::set_servers(std::vector<ServerPointer> servers) {
  servers_ = std::move(servers);
  holders_.clear();
}

const ServerPointer* ServerGroup::choose(const Route& route, std::span<const InstanceId> tried,
                                         TimePoint now, LazyRandom& random) {
  if (servers_.empty()) return nullptr;
  switch (route.kind()) {
    case Route::Kind::round_robin:
      return next_in_turn(tried, now, random);
    case Route::Kind::least_pending:
      return least_pending(tried, now, random);
    case Route::Kind::random:
      return first_from(random_place(random), tried, now);
    case Route::Kind::by_key:
      return holder_of(route.key(), tried);
  }
  return nullptr;
}

std::size_t ServerGroup::random_place(LazyRandom& random) const {
  return (random() - LazyRandom::min()) % servers_.size();
}

// The first one of those that are not suspected, else of all.
const ServerPointer* ServerGroup::first_from(std::size_t place, std::span<const InstanceId> tried,
                                             TimePoint now) const {
  const ServerPointer* suspected = nullptr;
  for (std::size_t i = 0; i < servers_.size(); ++i, ++place) {
    if (place == servers_.size()) place = 0;
    const ServerPointer& server = servers_[place];
    if (!tried.empty() && was_tried(tried, server->id)) continue;
    if (server->suspected_until <= now) return &server;
    if (suspected == nullptr) suspected = &server;
  }
  return suspected;
}

// Callers that begin at the same time must not all begin with the same node.
const ServerPointer* ServerGroup::next_in_turn(std::span<const InstanceId> tried, TimePoint now,
                                               LazyRandom& random) {
  if (!std::exchange(has_begun_, true)) next_ = random_place(random);
  if (next_ >= servers_.size()) next_ = 0;
  const ServerPointer* const chosen = first_from(next_, tried, now);
  if (chosen != nullptr) next_ = static_cast<std::size_t>(chosen - servers_.data()) + 1;
  return chosen;
}

const ServerPointer* ServerGroup::least_pending(std::span<const InstanceId> tried, TimePoint now,
                                                LazyRandom& random) const {
  const std::size_t begin = random_place(random);
  const ServerPointer* best = first_from(begin, tried, now);
  const auto look_at = [&](std::size_t place) {
    const ServerPointer* const other = first_from(place % servers_.size(), tried, now);
    if (other != nullptr && (*other)->pending < (*best)->pending) best = other;
  };
  if (best == nullptr) return nullptr;
  if (servers_.size() <= few) {
    for (std::size_t i = 1; i < servers_.size(); ++i) look_at(begin + i);
  } else {
    look_at(begin + 1 + (random() - LazyRandom::min()) % (servers_.size() - 1));
  }
  return best;
}

const ServerPointer* ServerGroup::holder_of(std::uint64_t key, std::span<const InstanceId> tried) {
  if (!tried.empty()) return find_holder(key, tried);
  if (holders_.empty()) holders_.resize(most_holders);
  Holder& holder = holders_[key % most_holders];
  if (holder.server == nullptr || holder.key != key) holder = {key, find_holder(key, tried)};
  return holder.server;
}

const ServerPointer* ServerGroup::find_holder(std::uint64_t key,
                                              std::span<const InstanceId> tried) const {
  const ServerPointer* best = nullptr;
  std::uint64_t highest = 0;
  for (const ServerPointer& server : servers_) {
    const std::uint64_t score = detail::mix_bits(key ^ server->hash);
    if (best != nullptr && score <= highest) continue;
    if (!tried.empty() && was_tried(tried, server->id)) continue;
    best = &server;
    highest = score;
  }
  return best;
}

}  // namespace mesh::routing
