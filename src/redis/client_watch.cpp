// Whether a connection still is one, and the right one.
#include <redis/client.hpp>

#include <algorithm>
#include <random>

#include <redis/health_check.hpp>

namespace mesh::redis {

asio::awaitable<std::string> Client::watch(std::shared_ptr<Link> link) {
  std::uniform_real_distribution<double> delay(0.0, 1.0);
  HealthCheck health(options_.health_check_interval, Clock::now(), delay(random_));
  while (!link->closed()) {
    Connection& connection = link->connection();
    switch (health.poll(Clock::now(), connection.last_read(), connection.outgoing())) {
      case HealthCheck::Action::wait:
        break;
      case HealthCheck::Action::ping:
        connection.ping();
        break;
      case HealthCheck::Action::give_up:
        link->close("no answer to PING in time");
        continue;
    }
    co_await link->wait_closed_until(health.next_poll());
  }
  co_return *link->closed();
}

asio::awaitable<void> Client::watch_master(std::shared_ptr<Client> /*self*/,
                                           std::shared_ptr<Link> link) {
  const auto successor =
      co_await master_watch_->find_successor(master_watch_, link, connector_.master());
  if (!successor) co_return;
  connector_.prefer(successor->sentinel);
  link->close("Sentinel now names another master, " + to_string(successor->master));
}

asio::awaitable<bool> Client::confirm_master(TimePoint deadline) {
  if (!master_watch_->is_needed() && !connector_.uses_cluster()) co_return true;
  const auto self = shared_from_this();
  const auto link = link_;
  if (!link) co_return false;
  const auto latest = std::min(deadline, Clock::now() + options_.connect_timeout);
  if (connector_.uses_cluster()) {
    const bool is_primary = co_await connector_.is_still_primary(latest);
    if (!is_primary) link->close("another node of the cluster has the slot by now");
    co_return is_primary && !link->closed();
  }
  const Endpoint master = connector_.master();
  const bool is_confirmed = co_await master_watch_->is_still_master(master_watch_, master, latest);
  co_return is_confirmed && !link->closed();
}

}  // namespace mesh::redis
