// Subscriptions, and how they follow their slot through a cluster.
#include <redis/client.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <redis/redirection.hpp>

namespace mesh::redis {

namespace {

/// Messages on these channels wait. Unless they are released they are forgotten in the end, with
/// the connection: a subscription may be confirmed later.
class HeldUntilKnown {
 public:
  HeldUntilKnown(Link& link, const std::vector<std::string>& channels, std::size_t most_bytes)
      : link_(link), channels_(channels) {
    for (const std::string& channel : channels) link.hold_messages(channel, most_bytes);
  }
  HeldUntilKnown(const HeldUntilKnown&) = delete;
  HeldUntilKnown& operator=(const HeldUntilKnown&) = delete;
  ~HeldUntilKnown() {
    if (!is_released_) link_.close("it is not known whether its subscriptions were made");
    for (const std::string& channel : channels_) link_.drop_messages(channel);
  }

  void release() {
    is_released_ = true;
    for (const std::string& channel : channels_) link_.release_messages(channel);
  }

 private:
  Link& link_;
  const std::vector<std::string>& channels_;
  bool is_released_ = false;
};

}  // namespace

asio::awaitable<void> Client::subscribe(std::string channel, TimePoint deadline) {
  const auto self = shared_from_this();
  const bool is_new = channels_.insert(channel).second;
  std::exception_ptr error;
  try {
    co_await subscribe_where_slot_is(channel, deadline);
  } catch (...) {
    error = std::current_exception();
  }
  if (!error) co_return;
  // One that is not permitted must not stand in the way of later connections.
  if (is_new) channels_.erase(channel);
  std::rethrow_exception(error);
}

void Client::unsubscribe(const std::string& channel) {
  const bool is_subscribed = channels_.erase(channel) > 0;
  if (is_subscribed && link_) link_->unsubscribe(channel);
}

asio::awaitable<void> Client::subscribe_where_slot_is(std::string channel, TimePoint deadline) {
  for (;;) {
    co_await wait_ready(deadline);
    const auto link = link_;
    const std::vector<std::string> channels{channel};
    try {
      co_await subscribe_at_primary(link, channels, deadline);
      co_return;
    } catch (const MeshConnectionError&) {
      if (!has_lost_slot(*link) || Clock::now() >= deadline) throw;
    }
    co_await wait_for_rest(link, deadline);
  }
}

// That its slot is elsewhere is no fault of a new connection.
asio::awaitable<void> Client::restore_subscriptions(std::shared_ptr<Link> link,
                                                    TimePoint deadline) {
  const std::vector<std::string> channels(channels_.begin(), channels_.end());
  if (channels.empty()) co_return;
  try {
    co_await subscribe_at_primary(link, channels, deadline);
  } catch (const MeshConnectionError& error) {
    if (!has_lost_slot(*link)) throw;
    throw PassingConnectionError(error.host(), error.port(), error.cause());
  }
}

// What comes before it is known that the subscription counts must not be acted upon: the primary
// that has passed it on may have told its sender that nobody has it. Where one subscription counts,
// others do that are made later, as a server that gives up the slot first ends those it has.
asio::awaitable<void> Client::subscribe_at_primary(std::shared_ptr<Link> link,
                                                   std::vector<std::string> channels,
                                                   TimePoint deadline) {
  if (!connector_.uses_cluster() || link->counts()) {
    for (const std::string& channel : channels) co_await link->subscribe(channel, deadline);
    co_return;
  }
  HeldUntilKnown held(*link, channels, queued_bytes_);
  for (const std::string& channel : channels) co_await link->subscribe(channel, deadline);
  co_await require_primary(link, deadline);
  held.release();
}

// A replica takes subscriptions to sharded channels as well, but at the primary they do not count,
// and it says nothing when the slot moves. Asked after subscribing: from then on, a primary that
// gives up the slot ends the subscription.
asio::awaitable<void> Client::require_primary(std::shared_ptr<Link> link, TimePoint deadline) {
  constexpr std::chrono::milliseconds pause{50};
  using enum SlotAnswer::Kind;
  SlotAnswer answer = co_await connector_.ask_about_slot(end_of_share(deadline, 2));
  while (answer.kind == unknown && !link->closed() && Clock::now() + pause < deadline) {
    co_await link->wait_closed_until(Clock::now() + pause);
    answer = co_await connector_.ask_about_slot(end_of_share(deadline, 2));
  }
  if (answer.kind == elsewhere) link->close(std::string(slot_is_elsewhere));
  if (answer.kind == unknown || answer.kind == refused) {
    link->close(std::string(slot_is_unclear) + ": " + answer.cause);
  }
  if (link->closed()) throw_connection_error(link->address(), *link->closed());
  link->note_that_it_counts();
}

bool Client::has_lost_slot(const Link& link) const {
  if (!connector_.uses_cluster() || !link.closed()) return false;
  return link.closed() == slot_is_elsewhere ||
         (link.last_error() && is_cluster_unrest(*link.last_error()));
}

}  // namespace mesh::redis
