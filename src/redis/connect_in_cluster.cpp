// How a connection finds the primary of its slot.
#include <redis/connect.hpp>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <redis/route_failures.hpp>
#include <util/describe_error.hpp>

namespace mesh::redis {

bool Connector::note_reply(const Reply& reply) {
  return route_ && route_->note_reply(reply, master_);
}

Endpoint Connector::reachable_address(const Endpoint& named) const {
  if (!route_ || !options_.cluster_address) return named;
  if (std::ranges::find(route_->seeds(), named) != route_->seeds().end()) return named;
  try {
    RedisAddress address = options_.cluster_address({named.host, named.port});
    return Endpoint{std::move(address.host), address.port, {}};
  } catch (...) {
    throw_connection_error(named, "RedisOptions::cluster_address gave none: " +
                                      describe_error(std::current_exception()));
  }
}

asio::awaitable<std::shared_ptr<Link>> Connector::connect_in_cluster(TimePoint deadline) {
  is_asking_ = false;
  const std::vector<Endpoint> nodes = route_->to_ask();
  if (auto link = co_await follow_redirection(end_of_share(deadline, nodes.size() + 1))) {
    co_return link;
  }
  RouteFailures failures("no node of the cluster led to the primary of slot " +
                         std::to_string(route_->slot()));
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const TimePoint share = end_of_share(deadline, nodes.size() - i);
    try {
      co_return co_await connect_as_named(nodes[i], share);
    } catch (const PassingConnectionError& error) {
      failures.add(nodes[i], error, true);
    } catch (const MeshConnectionError& error) {
      failures.add(nodes[i], error, false);
    }
  }
  failures.raise(nodes.front());
}

// Null if there was none, or it did not help.
asio::awaitable<std::shared_ptr<Link>> Connector::follow_redirection(TimePoint deadline) {
  const auto redirection = route_->take_redirection();
  if (!redirection) co_return nullptr;
  try {
    auto link = co_await connect_to_master(redirection->target, deadline);
    is_asking_ = redirection->is_asking;
    master_ = redirection->target;
    co_return link;
  } catch (const MeshConnectionError& /*the nodes may know better*/) {
    co_return nullptr;
  }
}

asio::awaitable<std::shared_ptr<Link>> Connector::connect_as_named(Endpoint node,
                                                                   TimePoint deadline) {
  const Reply reply = co_await ask_for_slots(node, deadline);
  if (reply.is_error()) {
    throw_connection_error(node,
                           "it does not tell where the slots of a cluster are "
                           "(RedisOptions::cluster): " +
                               reply.text);
  }
  const auto primary = route_->note_slots(reply, node);
  if (!primary) {
    throw PassingConnectionError(node.name(), node.port,
                                 "it knows no primary of slot " + std::to_string(route_->slot()));
  }
  auto link = co_await connect_to_master(*primary, deadline);
  route_->note_right(node);
  master_ = *primary;
  co_return link;
}

asio::awaitable<Reply> Connector::ask_for_slots(Endpoint node, TimePoint deadline) {
  std::vector<Command> queries;
  queries.push_back(slots_query());
  auto replies = co_await ask(RedisPeer::redis, node, std::move(queries), deadline);
  co_return std::move(replies.at(0));
}

// A primary that stood still does not know yet that it was replaced, and answers what came
// meanwhile. While the slot moves, all name the one it comes from.
asio::awaitable<bool> Connector::is_still_primary(TimePoint deadline) {
  constexpr std::size_t enough = 8;
  const Endpoint current = master_;
  if (is_asking_) co_return true;
  std::vector<Endpoint> nodes = route_->to_ask();
  std::erase(nodes, current);
  if (nodes.size() > enough) nodes.resize(enough);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const TimePoint share = end_of_share(deadline, nodes.size() - i);
    try {
      const Reply reply = co_await ask_for_slots(nodes[i], share);
      const auto map = SlotMap::parse(reply, nodes[i]);
      const Endpoint* const named = map ? map->primary_of(route_->slot()) : nullptr;
      if (named != nullptr && *named != current) co_return false;
    } catch (const MeshConnectionError& /*of others something may be learned*/) {
      continue;
    }
  }
  co_return true;
}

}  // namespace mesh::redis
