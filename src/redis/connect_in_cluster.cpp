// How a connection finds the primary of its slot.
#include <redis/connect.hpp>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <redis/reply_errors.hpp>
#include <redis/route_failures.hpp>
#include <util/describe_error.hpp>

namespace mesh::redis {

void Connector::lead_to(std::uint16_t slot) {
  if (route_) route_->lead_to(slot);
}

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
  const std::vector<Endpoint> nodes = route_->to_ask();
  if (auto link = co_await follow_redirection(end_of_share(deadline, 2))) {
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
  const auto target = route_->take_redirection();
  if (!target) co_return nullptr;
  try {
    auto link = co_await connect_to(*target, deadline);
    if (on_slots_) {
      // Where one slot has gone, others often have, too.
      const Reply reply = co_await link->request(slots_query(), deadline);
      note_slots(reply, *target);
    }
    master_ = *target;
    co_return link;
  } catch (const MeshConnectionError& /*the nodes may know better*/) {
    co_return nullptr;
  }
}

asio::awaitable<std::shared_ptr<Link>> Connector::connect_as_named(Endpoint node,
                                                                   TimePoint deadline) {
  const Reply reply = co_await ask_node(node, slots_query(), deadline);
  if (reply.is_error()) {
    throw_connection_error(node,
                           "it does not tell where the slots of a cluster are "
                           "(RedisOptions::cluster): " +
                               reply.text);
  }
  const auto primary = note_slots(reply, node);
  if (!primary) {
    throw PassingConnectionError(node.name(), node.port,
                                 "it knows no primary of slot " + std::to_string(route_->slot()));
  }
  auto link = co_await connect_to_primary(*primary, node, deadline);
  route_->note_right(node);
  master_ = *primary;
  co_return link;
}

// One that is not there, as others say, is about to be replaced.
asio::awaitable<std::shared_ptr<Link>> Connector::connect_to_primary(Endpoint primary,
                                                                     Endpoint named_by,
                                                                     TimePoint deadline) {
  try {
    co_return co_await connect_to(primary, deadline);
  } catch (const NobodyThereError& error) {
    if (primary == named_by) throw;
    throw PassingConnectionError(error.host(), error.port(), error.cause());
  }
}

// Not in the coroutine, of which so large a map would be a part. Nothing also if the node has not
// understood.
std::optional<Endpoint> Connector::note_slots(const Reply& reply, const Endpoint& asked) {
  const auto map = SlotMap::parse(reply, asked);
  if (!map) return std::nullopt;
  if (on_slots_) on_slots_(*map);
  return route_->note_slots(*map);
}

asio::awaitable<Reply> Connector::ask_node(Endpoint node, Command query, TimePoint deadline) {
  std::vector<Command> queries;
  queries.push_back(std::move(query));
  auto replies = co_await ask(RedisPeer::redis, std::move(node), std::move(queries), deadline);
  co_return std::move(replies.at(0));
}

// Nothing also without an answer: of others something may be learned.
asio::awaitable<std::optional<SlotClaim>> Connector::ask_for_claim(Endpoint node,
                                                                   TimePoint deadline) {
  try {
    const Reply reply = co_await ask_node(std::move(node), claims_query(), deadline);
    co_return parse_claim(reply, route_->slot());
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    co_return std::nullopt;
  } catch (const std::exception&) {
    co_return std::nullopt;
  }
}

// A primary that stood still does not know yet that it was replaced, and answers what came
// meanwhile. Others may be outdated as well, so only what is newer counts.
asio::awaitable<bool> Connector::is_still_primary(TimePoint deadline) {
  const Endpoint current = master_;
  std::vector<Endpoint> nodes = route_->to_ask();
  std::erase(nodes, current);
  const auto own = co_await ask_for_claim(current, end_of_share(deadline, nodes.size() + 1));
  if (!own || !own->is_own) co_return false;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto other = co_await ask_for_claim(nodes[i], end_of_share(deadline, nodes.size() - i));
    if (!other || !is_outdated(*own, *other)) continue;
    route_->doubt(current);
    co_return false;
  }
  co_return true;
}

asio::awaitable<SlotAnswer> Connector::ask_about_slot(TimePoint deadline) {
  using enum SlotAnswer::Kind;
  SlotAnswer answer;
  const Endpoint current = master_;
  try {
    const Reply reply = co_await ask_node(current, claims_query(), deadline);
    if (const auto claim = parse_claim(reply, route_->slot())) {
      answer.kind = claim->is_own ? here : elsewhere;
    } else {
      answer.kind = is_not_permitted(reply) ? refused : unknown;
      answer.cause = reply.is_error() ? reply.text : "it knows no primary";
    }
  } catch (const MeshConnectionError& error) {
    answer.cause = error.cause();
  }
  if (answer.kind == elsewhere) route_->doubt(current);
  co_return answer;
}

}  // namespace mesh::redis
