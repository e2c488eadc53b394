#include <redis/connect.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <utility>
#include <variant>

#include <config/host_list.hpp>
#include <redis/handshake.hpp>
#include <redis/resolve.hpp>
#include <redis/route_failures.hpp>
#include <util/describe_error.hpp>

namespace mesh::redis {

namespace {

std::vector<Endpoint> seeds_of(const RedisOptions& options) {
  return parse_endpoints(options.cluster, config::redis_port);
}

// Returns when all commands have good replies; otherwise throws with the endpoint's name.
asio::awaitable<void> greet(std::shared_ptr<Link> link, std::vector<Command> commands,
                            Endpoint endpoint, TimePoint deadline) {
  for (const Command& command : commands) {
    const Reply reply = co_await link->request(command, deadline);
    const auto objection = handshake_objection(command, reply);
    if (objection) throw_objection(endpoint, *objection);
  }
}

}  // namespace

TimePoint end_of_share(TimePoint deadline, std::size_t attempts_left) {
  const auto now = Clock::now();
  return now + (deadline - now) / static_cast<Clock::rep>(attempts_left);
}

Endpoint configured_endpoint(const RedisOptions& options) {
  if (!options.cluster.empty()) return seeds_of(options).front();
  if (!options.sentinel_host.empty()) return sentinel_endpoints(options).front();
  Endpoint endpoint;
  if (!options.unix_socket.empty()) {
    endpoint.unix_socket = options.unix_socket;
  } else {
    endpoint.host = options.host;
    endpoint.port = options.port;
  }
  return endpoint;
}

Connector::Connector(Strand strand, const RedisOptions& options, std::uint16_t slot)
    : strand_(std::move(strand)), options_(options) {
  if (uses_sentinel()) sentinels_ = sentinel_endpoints(options);
  if (!options.cluster.empty()) route_.emplace(slot, seeds_of(options));
}

asio::awaitable<std::shared_ptr<Link>> Connector::connect(TimePoint deadline) {
  const Endpoint endpoint = configured_endpoint(options_);
  try {
    // Anew each time: certificates are replaced while programs run.
    tls_ = load_tls(options_);
  } catch (const std::exception& error) {
    throw_connection_error(endpoint, error.what());
  }
  if (uses_cluster()) co_return co_await connect_in_cluster(deadline);
  if (uses_sentinel()) co_return co_await connect_by_sentinel(deadline);
  co_return co_await connect_to(endpoint, deadline);
}

asio::awaitable<std::shared_ptr<Link>> Connector::connect_by_sentinel(TimePoint deadline) {
  const Endpoint first = configured_endpoint(options_);
  const std::vector<Endpoint> sentinels = sentinels_;
  RouteFailures failures("no Sentinel led to a master");
  for (std::size_t i = 0; i < sentinels.size(); ++i) {
    const Endpoint& sentinel = sentinels[i];
    const TimePoint share = end_of_share(deadline, sentinels.size() - i);
    try {
      std::vector<Command> queries;
      queries.push_back(sentinel_master_query(options_.sentinel_name));
      const auto replies = co_await ask(RedisPeer::sentinel, sentinel, std::move(queries), share);
      const auto answer = parse_sentinel_reply(replies.at(0), options_.sentinel_name);
      if (const auto* const cause = std::get_if<std::string>(&answer))
        throw_connection_error(sentinel, *cause);
      const Endpoint master = std::get<Endpoint>(answer);
      auto link = co_await connect_to(master, share);
      master_ = master;
      prefer(sentinel);
      co_return link;
    } catch (const PassingConnectionError& error) {
      failures.add(sentinel, error, true);
    } catch (const MeshConnectionError& error) {
      failures.add(sentinel, error, false);
    }
  }
  failures.raise(first);
}

asio::awaitable<std::shared_ptr<Link>> Connector::connect_to(Endpoint server, TimePoint deadline) {
  Exchange exchange;
  RedisOptions options = options_;
  const RedisCredentials current = credentials(RedisPeer::redis, server);
  options.username = current.username;
  options.password = current.password;
  exchange.greeting = handshake_commands(options);
  Answer answer = co_await converse(server, std::move(exchange), deadline);
  co_return std::move(answer.link);
}

asio::awaitable<std::vector<Reply>> Connector::ask(RedisPeer peer, Endpoint endpoint,
                                                   std::vector<Command> queries,
                                                   TimePoint deadline) {
  Exchange exchange;
  exchange.greeting = auth_commands(credentials(peer, endpoint));
  exchange.queries = std::move(queries);
  Answer answer = co_await converse(endpoint, std::move(exchange), deadline);
  answer.link->close("the answer is here");
  co_return std::move(answer.replies);
}

// The name may have several addresses of which some are dead, or accept and say nothing: each gets
// its share of the time for all of it.
asio::awaitable<Connector::Answer> Connector::converse(Endpoint endpoint, Exchange exchange,
                                                       TimePoint deadline) {
  const Endpoint reachable = reachable_address(endpoint);
  Tls tls;
  tls.context = tls_;
  tls.server_name = options_.tls_server_name.empty() ? reachable.host : options_.tls_server_name;
  std::vector<Endpoint> addresses = co_await resolve(strand_, reachable, deadline);
  // The one that was good last comes first.
  for (const Endpoint& good : good_addresses_) {  // the last one last
    const auto position = std::ranges::find(addresses, good);
    if (position != addresses.end()) {
      std::rotate(addresses.begin(), position, std::next(position));
    }
  }
  Objection objection{"the name has no address", false};
  bool was_reached = false;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const TimePoint share = end_of_share(deadline, addresses.size() - i);
    Answer answer;
    answer.link = Link::open(strand_, addresses[i], tls, channel_kind());
    try {
      co_await answer.link->wait_connected(share);
      was_reached = true;
      co_await greet(answer.link, exchange.greeting, endpoint, share);
      for (const Command& query : exchange.queries) {
        answer.replies.push_back(co_await answer.link->request(query, share));
      }
      remember_good(addresses[i]);
      co_return answer;
    } catch (const PassingConnectionError& error) {
      objection = Objection{error.cause(), true};
    } catch (const MeshConnectionError& error) {
      if (!objection.is_passing) objection.cause = error.cause();
    }
    answer.link->close(objection.cause);
  }
  if (!was_reached) throw NobodyThereError(endpoint.name(), endpoint.port, objection.cause);
  throw_objection(endpoint, objection);
}

asio::awaitable<std::optional<Belief>> Connector::ask_for_belief(Endpoint sentinel,
                                                                 TimePoint deadline) {
  try {
    tls_ = load_tls(options_);
    std::vector<Command> queries;
    queries.push_back(sentinel_epoch_query(options_.sentinel_name));
    queries.push_back(sentinel_master_query(options_.sentinel_name));
    const auto replies = co_await ask(RedisPeer::sentinel, sentinel, std::move(queries), deadline);
    co_return parse_belief(replies.at(0), replies.at(1));
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    co_return std::nullopt;
  } catch (const std::exception&) {
    // Another one may know; if nobody does, nothing follows from that.
    co_return std::nullopt;
  }
}

asio::awaitable<bool> Connector::is_master(Endpoint server, TimePoint deadline) {
  try {
    const auto link = co_await connect_to(server, deadline);
    link->close("it is there");
    co_return true;
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    co_return false;
  } catch (const std::exception&) {
    co_return false;
  }
}

RedisCredentials Connector::credentials(RedisPeer peer, const Endpoint& endpoint) const {
  if (!options_.credentials) return configured_credentials(options_, peer);
  try {
    return options_.credentials(peer);
  } catch (...) {
    throw_connection_error(endpoint, "RedisOptions::credentials gave none: " +
                                         describe_error(std::current_exception()));
  }
}

void Connector::remember_good(const Endpoint& address) {
  constexpr std::size_t enough = 32;
  std::erase(good_addresses_, address);
  if (good_addresses_.size() >= enough) good_addresses_.clear();
  good_addresses_.push_back(address);
}

void Connector::prefer(const Endpoint& sentinel) {
  const auto position = std::ranges::find(sentinels_, sentinel);
  std::rotate(sentinels_.begin(), position, std::next(position));
}

}  // namespace mesh::redis
