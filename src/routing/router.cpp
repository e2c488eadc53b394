#include <routing/router.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace mesh::routing {

namespace {

// Of types that are known at run time only there may be any number.
constexpr std::size_t most_groups = 1024;

bool has_labels(const NodeInfo& node, const NodeFilter& filter) {
  const auto has = [&node](std::uint64_t label) {
    return label == 0 || std::ranges::any_of(node.labels, [label](const auto& own) {
             return detail::hash_label(own.first, own.second) == label;
           });
  };
  return std::ranges::all_of(filter.labels(), has);
}

std::uint64_t hash_of(const Router::Wish& wish) {
  std::uint64_t hash = std::hash<std::string_view>{}(wish.type);
  for (const std::uint64_t label : wish.filter.labels()) hash = detail::mix_bits(hash ^ label);
  return hash ^ static_cast<std::uint64_t>(wish.except);
}

}  // namespace

const ServerPointer* Router::choose(const Wish& wish, const Route& route,
                                    std::span<const InstanceId> tried, TimePoint now) {
  return group_of(wish).choose(route, tried, now, random_);
}

bool Router::is_meant(const Group& group, const Wish& wish) const {
  return group.except == wish.except && group.filter == wish.filter && group.type == wish.type;
}

ServerGroup& Router::group_of(const Wish& wish) {
  if (last_ == nullptr || !is_meant(*last_, wish)) last_ = &find_group(wish);
  if (last_->generation != view_.generation()) refresh(*last_);
  return last_->servers;
}

Router::Group& Router::find_group(const Wish& wish) {
  const std::uint64_t hash = hash_of(wish);
  const auto [begin, end] = groups_.equal_range(hash);
  const auto found =
      std::find_if(begin, end, [&](const auto& entry) { return is_meant(entry.second, wish); });
  if (found != end) return found->second;
  if (groups_.size() >= most_groups) groups_.clear();
  const auto added = groups_.emplace(
      hash, Group{std::string(wish.type), wish.filter, wish.except, view_.generation() - 1, {}});
  return added->second;
}

void Router::refresh(Group& group) {
  if (generation_ != view_.generation()) forget_who_left();
  std::vector<ServerPointer> servers;
  for (const auto& [id, node] : view_.nodes()) {
    if (id == group.except || !node.serves(group.type) || !has_labels(node, group.filter)) continue;
    servers.push_back(server_of(id));
  }
  group.servers.set_servers(std::move(servers));
  group.generation = view_.generation();
}

const ServerPointer& Router::server_of(InstanceId id) {
  ServerPointer& server = servers_[id];
  if (!server) {
    server = std::make_shared<Server>();
    server->id = id;
    server->hash = detail::mix_bits(static_cast<std::uint64_t>(id));
  }
  return server;
}

void Router::forget_who_left() {
  generation_ = view_.generation();
  std::erase_if(servers_,
                [this](const auto& server) { return !view_.nodes().contains(server.first); });
}

}  // namespace mesh::routing
