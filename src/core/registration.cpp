#include <core/registration.hpp>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include <mesh/errors.hpp>

#include <redis/slot.hpp>
#include <util/cancellation.hpp>
#include <util/describe_error.hpp>

namespace mesh::core {

Registration::Registration(Context context, const std::atomic<InstanceId>& own_id,
                           std::shared_ptr<Registry> registry,
                           std::shared_ptr<leader::LeaderDriver> leader,
                           std::shared_ptr<Cleanup> cleanup, Inbox& inbox)
    : context_(std::move(context)),
      own_id_(own_id),
      registry_(std::move(registry)),
      leader_(std::move(leader)),
      cleanup_(std::move(cleanup)),
      inbox_(inbox),
      log_(context_.log),
      place_log_(context_.log),
      token_log_(context_.log),
      info_log_(context_.log),
      heartbeat_due_(context_.strand),
      info_due_(context_.strand,
                [this] {
                  info_is_due_soon_ = false;
                  info_is_due_ = true;
                  heartbeat_due_.notify_all();
                }),
      after_reconnect_(context_.reconnect_max_delay),
      after_refusal_(context_.node_ttl) {}

void Registration::reset() {
  after_reconnect_.close();
  after_refusal_.close();
  must_move_ = false;
  leaving_ = false;
  announced_info_.clear();
  info_is_due_ = false;
  inbox_.forget_held();
  inbox_.accept_requests();
}

void Registration::on_reconnected() {
  inbox_.hold_requests();
  after_reconnect_.open(Clock::now());
  announced_info_.clear();  // it may be another Redis, which has an older one
  registry_->forget_refusals();
  heartbeat_due_.notify_all();
}

// Handlers are registered one after the other.
void Registration::on_info_changed() {
  constexpr std::chrono::milliseconds patience{20};
  if (!std::exchange(info_is_due_soon_, true)) info_due_.set(Clock::now() + patience);
}

void Registration::begin_to_leave() {
  leaving_ = true;
  heartbeat_due_.notify_all();
}

// Before the last words to Redis, so that this has left when the connection is closed.
void Registration::unsubscribe() {
  context_.own_channel->unsubscribe(inbox_.node_channel());
  context_.subscriptions->unsubscribe(context_.keys.broadcast_channel());
}

asio::awaitable<InstanceId> Registration::join(TimePoint deadline) {
  for (;;) {
    const InstanceId id = co_await registry_->claim_id(deadline);
    claimed_id_ = id;
    context_.on_claimed(id);
    co_await listen(id, deadline);
    const auto found = co_await register_or_prolong(id, deadline);
    if (found.registration != Registry::Registration::taken_by_another) co_return id;
    context_.own_channel->unsubscribe(inbox_.node_channel());
    inbox_.forget_held();
  }
}

asio::awaitable<void> Registration::listen(InstanceId id, TimePoint deadline) {
  const std::string channel = context_.keys.node_channel(id);
  inbox_.set_node(channel, registry_->owner());
  context_.own_channel->lead_to(redis::slot_of(channel));
  context_.own_channel->open();
  co_await context_.own_channel->subscribe(channel, deadline);
  co_await context_.subscriptions->subscribe(context_.keys.broadcast_channel(), deadline);
  // Its messages need no answer: they have shown that Redis is there.
  co_await context_.subscriptions->subscribe(context_.keys.pulse_channel(), deadline);
}

asio::awaitable<void> Registration::keep() {
  auto next = Clock::now() + context_.heartbeat_interval;
  for (;;) {
    if (!info_is_due_) co_await heartbeat_due_.wait_until(next);
    info_is_due_ = false;
    next = Clock::now() + context_.heartbeat_interval;
    try {
      if (leaving_) {
        co_await send_leaving_heartbeat();
      } else {
        co_await send_heartbeat();
      }
      co_await clean_up();
      if (!leaving_) co_await look_after_channel();
    } catch (...) {
      const auto error = std::current_exception();
      if (is_cancellation(error)) throw;
      log_.warn(Clock::now(), "heartbeat failed: " + describe_error(error));
    }
  }
}

asio::awaitable<void> Registration::send_leaving_heartbeat() {
  std::exception_ptr refusal;
  bool owns_id = true;
  try {
    owns_id = co_await registry_->begin_to_leave(own_id_, TimePoint::max());
  } catch (const MeshRedisError&) {
    refusal = std::current_exception();
  }
  // They are refused, or answered as before.
  if (owns_id) inbox_.accept_requests();
  if (refusal) std::rethrow_exception(refusal);
}

asio::awaitable<void> Registration::send_heartbeat() {
  if (must_move_) {
    co_await move_to_new_id();
    co_return;
  }
  const InstanceId id = own_id_;
  const auto sent_at = Clock::now();
  Registry::Heartbeat found;
  std::exception_ptr refusal;
  try {
    // However late the answer is, it must be heard: it alone tells that the node had been removed.
    found = co_await register_or_prolong(id, TimePoint::max());
  } catch (const MeshRedisError&) {
    refusal = std::current_exception();
  }
  if (refusal) {
    after_refusal_.open(Clock::now());
    // Redis does not say whose the id is, and may not for long.
    inbox_.accept_requests();
    std::rethrow_exception(refusal);
  }
  note_leader(found.another_leads);
  // The subscription may be gone without a word, or be left at a server that is the master no more.
  if (found.is_unheard) on_unheard(sent_at);
  if (found.registration != Registry::Registration::taken_by_another) inbox_.accept_requests();
  switch (found.registration) {
    case Registry::Registration::known:
      co_return;
    case Registry::Registration::missing:
      context_.log(LogLevel::warning, "node " + std::to_string(id) +
                                          " had been removed while it was alive; registered again");
      break;
    case Registry::Registration::taken_by_another:
      co_await move_to_new_id();
      co_return;
  }
  context_.on_reregistered();
}

asio::awaitable<Registry::Heartbeat> Registration::register_or_prolong(InstanceId id,
                                                                       TimePoint deadline) {
  const std::string info = context_.info(registry_->owner());
  Registry::Beat beat;
  beat.id = id;
  beat.lock_value = leader_->lock_value();
  // Now and then all the same: what is there may have been replaced without a word.
  constexpr unsigned beats_per_info = 12;
  if (info != announced_info_ || ++beats_since_info_ >= beats_per_info) beat.info = info;
  if (!beat.info.empty()) beats_since_info_ = 0;
  // Each that still holds costs a refused command.
  constexpr unsigned beats_per_attempt = 720;
  if (++beats_ % beats_per_attempt == 0) registry_->forget_refusals();
  beat.wants_list_state = context_.wants_list_state();
  const Registry::Heartbeat found = co_await registry_->heartbeat(beat, deadline);
  if (found.registration != Registry::Registration::taken_by_another) {
    note_info(beat.info, found);
    if (found.list) context_.on_list_state(*found.list);
  }
  co_return found;
}

void Registration::note_info(const std::string& sent, const Registry::Heartbeat& found) {
  if (!sent.empty()) announced_info_ = sent;
  if (!found.may_have_info && sent.empty()) return;
  if (!found.may_have_info) {
    info_log_.warn(Clock::now(),
                   "this node can tell nobody what it serves, as its Redis user may not "
                   "use " +
                       context_.keys.infos() + " and " + context_.keys.changes() +
                       ", or not by HGET and HSET");
  } else if (!found.has_info) {
    announced_info_.clear();
    on_info_changed();
  }
}

// Of a cluster the heartbeat asks another server than the one that has the channel, whose being
// slow must not hold up the next heartbeat.
asio::awaitable<void> Registration::look_after_channel() {
  constexpr std::chrono::milliseconds longest{1000};
  const auto asked_at = Clock::now();
  const auto latest = asked_at + std::min(context_.heartbeat_interval / 2, longest);
  if (co_await registry_->is_unheard(own_id_, latest)) on_unheard(asked_at);
}

void Registration::on_unheard(TimePoint asked_at) {
  if (!context_.own_channel->is_ready_since(asked_at)) return;
  context_.own_channel->reconnect("Redis knows no subscription of this node");
}

asio::awaitable<void> Registration::move_to_new_id() {
  const auto deadline = Clock::now() + context_.connect_timeout;
  const InstanceId old_id = own_id_;
  context_.own_channel->unsubscribe(inbox_.node_channel());
  inbox_.set_node({}, {});
  inbox_.forget_held();
  must_move_ = true;  // until it has succeeded: nothing is heard under the old id any more
  context_.on_id(co_await join(deadline));
  must_move_ = false;
  inbox_.accept_requests();
  context_.log(LogLevel::warning, "the id " + std::to_string(old_id) +
                                      " went to another node; registered as node " +
                                      std::to_string(own_id_));
  context_.on_reregistered();
  // Responses may have gone to the old id.
  context_.on_moved();
}

// After an outage the other nodes need time to come back, and to be heard again after Redis has
// refused heartbeats, most likely also theirs.
bool Registration::others_may_return() const {
  const auto now = Clock::now();
  return after_reconnect_.is_open(now) || after_refusal_.is_open(now);
}

// What the heartbeat saw spares the election to look itself, unless heartbeats are the rarer ones.
void Registration::note_leader(std::optional<bool> another_leads) {
  if (context_.is_election_elsewhere) {
    // It looked where no node of this mesh should be elected.
    if (another_leads == true) {
      place_log_.warn(Clock::now(),
                      "another node leads " + context_.keys.stem() +
                          " by an election on the Redis of the mesh, while this one takes part in "
                          "one elsewhere, so that two may lead: all nodes must agree on "
                          "MeshOptions::leader_redis, or MUTEX_REDIS_* and REDIS_*");
    }
    return;
  }
  const bool replaces_attempts = context_.heartbeat_interval <= context_.leader.retry_delay;
  if (!another_leads || (*another_leads && !replaces_attempts)) return;
  // A leader that comes back has the first word.
  if (!others_may_return()) leader_->on_lock_seen(*another_leads);
}

asio::awaitable<void> Registration::clean_up() {
  if (leader_->is_leader() && !others_may_return()) {
    const Registry::Mandate own = mandate();
    const bool still_leads = co_await cleanup_->run(own_id_, own);
    if (still_leads) co_return;
    // Elsewhere the lock alone tells who leads.
    if (!context_.is_election_elsewhere) {
      leader_->on_lock_lost();
    } else if (leader_->is_leader()) {
      token_log_.warn(Clock::now(), "this node leads " + context_.keys.stem() +
                                        " but may not clean up: of late a leader with a larger "
                                        "fencing token than " +
                                        own.value + " has");
    }
  } else if (cleanup_->is_incomplete()) {
    co_await cleanup_->complete(own_id_);
  }
}

Registry::Mandate Registration::mandate() const {
  const Keys& keys = context_.keys;
  if (!context_.is_election_elsewhere) return {keys.leader_lock(), leader_->lock_value(), ""};
  // For so long that whoever leads prolongs it in time.
  const auto memory = std::max(context_.leader.ttl, context_.node_ttl);
  return {keys.leader_token(), std::to_string(leader_->fencing_token()),
          std::to_string(memory.count())};
}

asio::awaitable<void> Registration::leave(TimePoint deadline) {
  if (claimed_id_ != 0 && context_.commands->is_ready()) {
    try {
      co_await registry_->leave(claimed_id_, deadline);
    } catch (const MeshError& error) {
      context_.log(LogLevel::warning,
                   std::string("the registration is left for the leader: ") + error.what());
    }
  }
  claimed_id_ = 0;  // not where this was cancelled, as somebody else leaves then
}

}  // namespace mesh::core
