#include <core/connections.hpp>

#include <redis/master_watch.hpp>
#include <redis/slot.hpp>

namespace mesh::core {

Connections::Connections(const Strand& strand, const MeshOptions& options,
                         const std::string& lock_key)
    : master_watch_(std::make_shared<redis::MasterWatch>(strand, options.redis)),
      commands_(std::make_shared<redis::Client>(strand, options.redis, "commands",
                                                options.limits.queued_bytes, options.log,
                                                master_watch_)),
      subscriptions_(std::make_shared<redis::Client>(strand, options.redis, "pub/sub",
                                                     options.limits.queued_bytes, options.log,
                                                     master_watch_)),
      elsewhere_(options.leader_redis
                     ? std::make_shared<redis::Client>(strand, *options.leader_redis, "election",
                                                       options.limits.queued_bytes, options.log,
                                                       nullptr, redis::slot_of(lock_key))
                     : nullptr) {}

asio::awaitable<void> Connections::open(TimePoint deadline) {
  commands_->open();
  subscriptions_->open();
  co_await commands_->wait_ready(deadline);
  co_await subscriptions_->wait_ready(deadline);
}

void Connections::open_elsewhere() {
  if (elsewhere_) elsewhere_->open();
}

void Connections::close() {
  subscriptions_->close();
  commands_->close();
  if (elsewhere_) elsewhere_->close();
}

asio::awaitable<void> Connections::close_until(TimePoint deadline) {
  close();
  co_await subscriptions_->join_until(deadline);
  co_await commands_->join_until(deadline);
  if (elsewhere_) co_await elsewhere_->join_until(deadline);
}

}  // namespace mesh::core
