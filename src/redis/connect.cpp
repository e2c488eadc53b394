#include <redis/connect.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <mesh/errors.hpp>

#include <redis/handshake.hpp>
#include <redis/resolve.hpp>
#include <redis/sentinel.hpp>

namespace mesh::redis {

namespace {

[[noreturn]] void fail(const Endpoint& endpoint, const std::string& cause) {
  throw MeshConnectionError(endpoint.name(), endpoint.port, cause);
}

// The name may have several addresses of which only some answer: each gets its share of the time.
asio::awaitable<std::shared_ptr<Link>> connect_to(Strand strand, Endpoint endpoint,
                                                  TimePoint deadline) {
  const std::vector<Endpoint> addresses = co_await resolve(strand, endpoint, deadline);
  std::string cause = "the name has no address";
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const auto now = Clock::now();
    const auto share = (deadline - now) / static_cast<Clock::rep>(addresses.size() - i);
    const auto link = Link::open(strand, addresses[i]);
    try {
      co_await link->wait_connected(now + share);
      co_return link;
    } catch (const MeshConnectionError& error) {
      cause = error.cause();
    }
    link->close(cause);
  }
  fail(endpoint, cause);
}

asio::awaitable<Endpoint> find_master(Strand strand, Endpoint sentinel, std::string master_name,
                                      TimePoint deadline) {
  const auto link = co_await connect_to(strand, sentinel, deadline);
  const Command query = sentinel_master_query(master_name);
  const Reply reply = co_await link->request(query, deadline);
  link->close("the answer is here");
  const auto answer = parse_sentinel_reply(reply, master_name);
  if (const auto* const cause = std::get_if<std::string>(&answer)) fail(sentinel, *cause);
  co_return std::get<Endpoint>(answer);
}

asio::awaitable<void> shake_hands(std::shared_ptr<Link> link, RedisOptions options,
                                  TimePoint deadline) {
  for (const Command& command : handshake_commands(options)) {
    const Reply reply = co_await link->request(command, deadline);
    if (const auto objection = handshake_objection(command, reply)) {
      link->close(*objection);
      fail(link->address(), *objection);
    }
  }
}

}  // namespace

Endpoint configured_endpoint(const RedisOptions& options) {
  Endpoint endpoint;
  if (!options.sentinel_host.empty()) {
    endpoint.host = options.sentinel_host;
    endpoint.port = options.sentinel_port;
  } else if (!options.unix_socket.empty()) {
    endpoint.unix_socket = options.unix_socket;
  } else {
    endpoint.host = options.host;
    endpoint.port = options.port;
  }
  return endpoint;
}

asio::awaitable<std::shared_ptr<Link>> connect(Strand strand, RedisOptions options,
                                               TimePoint deadline) {
  Endpoint endpoint = configured_endpoint(options);
  if (!options.sentinel_host.empty()) {
    endpoint = co_await find_master(strand, endpoint, options.sentinel_name, deadline);
  }
  const auto link = co_await connect_to(strand, endpoint, deadline);
  std::optional<std::string> cause;
  try {
    co_await shake_hands(link, options, deadline);
  } catch (const MeshConnectionError& error) {
    cause = error.cause();
  }
  if (cause) {
    link->close(*cause);
    fail(endpoint, *cause);
  }
  co_return link;
}

}  // namespace mesh::redis
