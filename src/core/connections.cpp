#include <core/connections.hpp>

#include <utility>

#include <config/tls_doubt.hpp>
#include <redis/master_watch.hpp>
#include <redis/slot.hpp>

namespace mesh::core {

Connections::Connections(const Strand& strand, const MeshOptions& options, const Keys& keys,
                         const std::string& lock_key,
                         const std::shared_ptr<StrandGauge>& bytes_waiting)
    : log_(options.log),
      doubt_(config::doubt_about_tls(options.redis)),
      master_watch_(std::make_shared<redis::MasterWatch>(strand, options.redis)) {
  if (doubt_.empty() && options.leader_redis) {
    doubt_ = config::doubt_about_tls(*options.leader_redis);
  }
  const auto connect = [&](const char* name, std::uint16_t slot) {
    auto client = std::make_shared<redis::Client>(
        strand, options.redis, name, options.limits.queued_bytes, options.log, master_watch_, slot);
    client->count_waiting(bytes_waiting);
    return client;
  };
  commands_ = connect("commands", keys.slot());
  subscriptions_ = connect("pub/sub", keys.slot());
  if (!options.redis.cluster.empty()) {
    own_channel_ = connect("own channel", 0);
    primaries_ = std::make_shared<redis::Primaries>(
        strand, options.redis, options.limits.queued_bytes, options.log, commands_, keys.slot());
    primaries_->count_waiting(bytes_waiting);
  }
  if (options.leader_redis) {
    elsewhere_ = std::make_shared<redis::Client>(strand, *options.leader_redis, "election",
                                                 options.limits.queued_bytes, options.log, nullptr,
                                                 redis::slot_of(lock_key));
  }
}

bool Connections::are_ready() const {
  return commands_->is_ready() && subscriptions_->is_ready() && own_channel()->is_ready();
}

asio::awaitable<void> Connections::open(TimePoint deadline, bool attempts_may_fail) {
  const std::string doubt = std::exchange(doubt_, {});
  if (!doubt.empty()) log_(LogLevel::warning, doubt);
  commands_->open();
  subscriptions_->open();
  if (primaries_) primaries_->open();
  co_await commands_->wait_ready(deadline, attempts_may_fail);
  co_await subscriptions_->wait_ready(deadline, attempts_may_fail);
}

void Connections::open_elsewhere() {
  if (elsewhere_) elsewhere_->open();
}

asio::awaitable<void> Connections::wait_answered(TimePoint deadline) {
  if (primaries_) co_await primaries_->wait_answered(deadline);
}

void Connections::close() {
  own_channel()->close();
  subscriptions_->close();
  if (primaries_) primaries_->close();
  commands_->close();
  if (elsewhere_) elsewhere_->close();
}

asio::awaitable<void> Connections::close_until(TimePoint deadline) {
  close();
  co_await own_channel()->join_until(deadline);
  co_await subscriptions_->join_until(deadline);
  if (primaries_) co_await primaries_->join_until(deadline);
  co_await commands_->join_until(deadline);
  if (elsewhere_) co_await elsewhere_->join_until(deadline);
}

}  // namespace mesh::core
