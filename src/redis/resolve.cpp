#include <redis/resolve.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <async/event.hpp>

namespace mesh::redis {

namespace {

using Tcp = asio::ip::tcp;

/// Outlives the coroutine that waits for it: getaddrinfo cannot be interrupted.
struct Lookup {
  explicit Lookup(const Strand& strand) : resolver(strand), finished(strand) {}

  Tcp::resolver resolver;
  Event finished;
  boost::system::error_code error;
  std::optional<Tcp::resolver::results_type> results;
};

std::shared_ptr<Lookup> begin_lookup(const Strand& strand, const Endpoint& endpoint) {
  auto lookup = std::make_shared<Lookup>(strand);
  lookup->resolver.async_resolve(
      endpoint.host, std::to_string(endpoint.port),
      asio::bind_executor(strand, [lookup](const boost::system::error_code& error,
                                           Tcp::resolver::results_type results) {
        lookup->error = error;
        lookup->results = std::move(results);
        lookup->finished.notify_all();
      }));
  return lookup;
}

}  // namespace

asio::awaitable<std::vector<Endpoint>> resolve(Strand strand, Endpoint endpoint,
                                               TimePoint deadline) {
  std::vector<Endpoint> addresses;
  boost::system::error_code not_numeric;
  if (!endpoint.is_unix()) asio::ip::make_address(endpoint.host, not_numeric);
  if (!not_numeric) {
    addresses.push_back(endpoint);
    co_return addresses;
  }
  const auto lookup = begin_lookup(strand, endpoint);
  while (!lookup->results) {
    if (!co_await lookup->finished.wait_until(deadline) && !lookup->results) {
      lookup->resolver.cancel();
      throw_connection_error(endpoint, "the name was not resolved in time");
    }
  }
  if (lookup->error)
    throw_connection_error(endpoint, "cannot resolve the name: " + lookup->error.message());
  for (const auto& entry : *lookup->results) {
    const Tcp::endpoint address = entry.endpoint();
    Endpoint resolved;
    resolved.host = address.address().to_string();
    resolved.port = address.port();
    addresses.push_back(std::move(resolved));
  }
  co_return addresses;
}

}  // namespace mesh::redis
