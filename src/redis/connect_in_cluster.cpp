// How a connection finds the primary of its slot.
#include <redis/connect.hpp>

#include <string>
#include <utility>
#include <vector>

#include <redis/route_failures.hpp>

namespace mesh::redis {

bool Connector::note_reply(const Reply& reply) {
  return route_ && route_->note_reply(reply, master_);
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
  std::vector<Command> queries;
  queries.push_back(slots_query());
  const auto replies = co_await ask(RedisPeer::redis, node, std::move(queries), deadline);
  const Reply& reply = replies.at(0);
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

}  // namespace mesh::redis
