#include <core/mesh_core.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>
#include <variant>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <mesh/errors.hpp>

#include <util/cancellation.hpp>
#include <util/describe_error.hpp>
#include <util/gated.hpp>
#include <wire/codec.hpp>
#include <wire/nesting.hpp>

namespace mesh::core {

namespace {

MeshOptions validated(const std::string& key, MeshOptions options,
                      std::shared_ptr<const detail::Gate> gate) {
  if (key.empty()) throw std::invalid_argument("the key of a MeshService must not be empty");
  options.validate();
  options.log = gated(std::move(options.log), gate);
  options.redis = gated(std::move(options.redis), std::move(gate));
  return options;
}

std::string host_name(const MeshOptions& options) {
  if (!options.hostname.empty()) return options.hostname;
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

std::exception_ptr operation_aborted() {
  return std::make_exception_ptr(boost::system::system_error(asio::error::operation_aborted));
}

}  // namespace

MeshCore::MeshCore(asio::any_io_executor executor, const std::string& key, MeshOptions options)
    : executor_(std::move(executor)),
      strand_(executor_),
      options_(validated(key, std::move(options), gate_)),
      keys_(options_.redis, key),
      drop_log_(options_.log),
      heartbeat_log_(options_.log),
      commands_(std::make_shared<redis::Client>(strand_, options_.redis, "commands",
                                                options_.limits.queued_bytes, options_.log)),
      subscriptions_(std::make_shared<redis::Client>(strand_, options_.redis, "pub/sub",
                                                     options_.limits.queued_bytes, options_.log)),
      registry_(
          std::make_shared<Registry>(commands_, keys_, options_.node_ttl, host_name(options_))),
      leader_(std::make_shared<leader::LeaderDriver>(
          leader::LeaderContext{strand_, executor_, commands_, keys_.leader_lock(), options_.log,
                                gate_},
          options_.leader)),
      cleanup_(std::make_shared<Cleanup>(
          Cleanup::Context{strand_, executor_, options_.node_ttl, options_.log, gate_}, registry_)),
      pending_(strand_, counters_),
      drain_progress_(std::make_shared<Event>(strand_)),
      calls_(std::make_shared<CallSender>(
          CallSender::Context{strand_, commands_, subscriptions_, keys_,
                              options_.redis.reconnect_max_delay},
          instance_id_, pending_, counters_)),
      server_(std::make_shared<RequestServer>(
          RequestServer::Context{strand_, executor_, options_.limits, options_.request_timeout,
                                 options_.log,
                                 [progress = drain_progress_] { progress->notify_all(); },
                                 [commands = commands_] { return commands->can_send(); }, gate_},
          counters_)),
      answers_(std::make_shared<AnswerSender>(
          AnswerSender::Context{strand_, commands_, keys_, options_.limits.queued_bytes,
                                options_.log,
                                [progress = drain_progress_] { progress->notify_all(); }},
          counters_)),
      watch_(std::make_shared<NodeWatch>(
          NodeWatch::Context{strand_, subscriptions_, keys_, options_.heartbeat_interval,
                             options_.node_ttl, options_.request_timeout, options_.log},
          registry_)),
      callbacks_(
          strand_, executor_,
          [log = options_.log](const std::exception_ptr& error) {
            log(LogLevel::error, "a mesh callback threw: " + describe_error(error));
          },
          gate_),
      background_(strand_,
                  [log = options_.log](const std::exception_ptr& error) {
                    log(LogLevel::error, "the heartbeats ended: " + describe_error(error));
                  }),
      heartbeat_due_(strand_),
      state_changed_(strand_),
      broadcast_channel_(keys_.broadcast_channel()),
      events_channel_(keys_.events_channel()) {}

void MeshCore::set_cleaned_up_callback(detail::AsyncCallback<InstanceId> callback) {
  asio::post(strand_, [self = shared_from_this(), callback = std::move(callback)]() mutable {
    self->cleanup_->set_callback(std::move(callback));
  });
}

void MeshCore::set_reregistered_callback(detail::AsyncCallback<> callback) {
  asio::post(strand_, [self = shared_from_this(), callback = std::move(callback)]() mutable {
    self->reregistered_ = std::move(callback);
  });
}

void MeshCore::watch_nodes(NodeWatch::Callback callback) {
  asio::post(strand_, [self = shared_from_this(), callback = std::move(callback)]() mutable {
    self->watch_->set_callback(std::move(callback));
    if (self->is_active()) self->start_watch();
  });
}

void MeshCore::start_watch() {
  if (watch_->has_callback()) background_.spawn(watch_->run(watch_, callbacks_));
}

void MeshCore::set_id(InstanceId id) {
  instance_id_ = id;
  watch_->set_own_id(id);
}

// Starting and stopping ---------------------------------------------------------------------------

asio::awaitable<void> MeshCore::start() {
  const auto self = shared_from_this();
  if (state_ != State::stopped) throw MeshAlreadyRunningError();
  state_ = State::starting;
  ++run_;
  const auto attempt = std::make_shared<Attempt>();
  background_.spawn(attempt_to_join(self, attempt));
  std::exception_ptr cancellation;
  try {
    while (!attempt->ended) co_await state_changed_.wait_until(TimePoint::max());
  } catch (...) {
    cancellation = std::current_exception();
  }
  if (!cancellation && !attempt->error) co_return;

  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (cancellation) background_.cancel_all();
  while (!attempt->ended) co_await state_changed_.wait_until(TimePoint::max());
  const bool was_stopped = state_ == State::stopping;
  co_await clean_up_failed_start();
  if (was_stopped) throw MeshStoppedError();
  std::rethrow_exception(cancellation ? cancellation : attempt->error);
}

// A task of its own, so that stop() can cancel it whatever it waits for.
asio::awaitable<void> MeshCore::attempt_to_join(std::shared_ptr<MeshCore> /*self*/,
                                                std::shared_ptr<Attempt> attempt) {
  try {
    co_await join_mesh();
  } catch (...) {
    attempt->error = std::current_exception();
  }
  attempt->ended = true;
  state_changed_.notify_all();
}

asio::awaitable<void> MeshCore::clean_up_failed_start() {
  const auto deadline = Clock::now() + options_.stop_timeout;
  if (state_ == State::running) {
    // The cancellation came when it had just succeeded.
    state_ = State::stopping;
    background_.cancel_all();
    co_await leave_mesh(deadline);
  } else {
    server_->cancel_all();
    co_await server_->join_until(deadline);
    co_await unregister(deadline);
  }
  co_await disconnect();
  become_stopped();
}

asio::awaitable<void> MeshCore::join_mesh() {
  const auto deadline = Clock::now() + options_.redis.connect_timeout;
  connect_events();
  commands_->open();
  subscriptions_->open();
  co_await commands_->wait_ready(deadline);
  co_await subscriptions_->wait_ready(deadline);

  server_->start([weak = std::weak_ptr(answers_)](InstanceId target, const Answer& answer) {
    if (const auto answers = weak.lock()) answers->send(target, answer);
  });
  const InstanceId id = co_await register_with_new_id(deadline);
  if (state_ != State::starting) throw MeshStoppedError();

  set_id(id);
  state_ = State::running;
  background_.spawn(send_heartbeats(shared_from_this()));
  start_watch();
  leader_->start();
}

asio::awaitable<InstanceId> MeshCore::register_with_new_id(TimePoint deadline) {
  // Its messages need no answer: they have shown that Redis is there.
  const std::string pulse_channel = keys_.pulse_channel();
  for (;;) {
    const InstanceId id = co_await registry_->claim_id(deadline);
    claimed_id_ = id;
    node_channel_ = keys_.node_channel(id);
    co_await subscriptions_->subscribe(node_channel_, deadline);
    co_await subscriptions_->subscribe(broadcast_channel_, deadline);
    co_await subscriptions_->subscribe(pulse_channel, deadline);
    const auto found = co_await registry_->heartbeat(id, leader_->lock_value(), deadline);
    if (found.registration != Registry::Registration::taken_by_another) co_return id;
    subscriptions_->unsubscribe(node_channel_);
  }
}

asio::awaitable<void> MeshCore::stop(StopOptions options) {
  const auto self = shared_from_this();
  const auto run = run_;
  if (state_ == State::starting) {
    // start() then fails with MeshStoppedError and cleans up.
    state_ = State::stopping;
    background_.cancel_all();
  }
  if (state_ == State::running && options.drain_timeout > Clock::duration::zero()) {
    drain_deadline_ = Clock::now() + options.drain_timeout;
    co_await drain();
    if (state_ != State::draining) co_return;  // the service was destroyed meanwhile
    state_ = State::running;
  } else if (state_ == State::draining) {
    drain_deadline_ = std::min(drain_deadline_, Clock::now() + options.drain_timeout);
    drain_progress_->notify_all();
  }
  while (run_ == run && state_ != State::running && state_ != State::stopped) {
    co_await state_changed_.wait_until(TimePoint::max());
  }
  if (run_ != run || state_ == State::stopped) co_return;
  state_ = State::stopping;
  pending_.fail_all_stopped();
  calls_->clear();
  background_.cancel_all();
  co_await leave_mesh(Clock::now() + options_.stop_timeout);
  co_await disconnect();
  become_stopped();
}

// Running handlers may still call others, and are answered; nobody new should come.
asio::awaitable<void> MeshCore::drain() {
  state_ = State::draining;
  server_->refuse_new();
  heartbeat_due_.notify_all();
  const auto is_done = [this] { return server_->is_drained() && answers_->is_idle(); };
  while (state_ == State::draining && !is_done() && Clock::now() < drain_deadline_) {
    co_await drain_progress_->wait_until(drain_deadline_);
  }
  if (!is_done()) options_.log(LogLevel::warning, "not everything was done after drain_timeout");
}

asio::awaitable<void> MeshCore::leave_mesh(TimePoint deadline) {
  // Handlers and callbacks that take long must leave some time to say goodbye to Redis.
  const auto users_deadline = deadline - Clock::duration(options_.stop_timeout) / 4;
  co_await background_.join_until(deadline);
  co_await cleanup_->stop(users_deadline);
  server_->cancel_all();
  if (!co_await server_->join_until(users_deadline)) {
    options_.log(LogLevel::warning, "stopped while handlers were running that ignore cancellation");
  }
  co_await leader_->stop(users_deadline, deadline);
  // Before the last words to Redis, so that this has left when the connection is closed.
  subscriptions_->unsubscribe(node_channel_);
  subscriptions_->unsubscribe(broadcast_channel_);
  co_await unregister(deadline);
  if (!co_await callbacks_.drain_until(deadline)) callbacks_.abandon();
}

asio::awaitable<void> MeshCore::unregister(TimePoint deadline) {
  const InstanceId id = std::exchange(claimed_id_, 0);
  if (id == 0 || !commands_->is_ready()) co_return;
  try {
    co_await registry_->leave(id, deadline);
  } catch (const MeshError& error) {
    options_.log(LogLevel::warning,
                 std::string("the registration is left for the leader: ") + error.what());
  }
}

asio::awaitable<void> MeshCore::disconnect() {
  constexpr std::chrono::seconds patience{1};  // closing needs no answer from anyone
  subscriptions_->close();
  commands_->close();
  const auto deadline = Clock::now() + patience;
  co_await subscriptions_->join_until(deadline);
  co_await commands_->join_until(deadline);
}

void MeshCore::become_stopped() {
  pending_.fail_all_stopped();
  calls_->clear();
  answers_->clear();
  forget_held_requests();
  set_id(0);
  state_ = State::stopped;
  state_changed_.notify_all();
}

void MeshCore::abandon() {
  if (state_ != State::stopped) state_ = State::stopping;
  pending_.fail_all_stopped();
  calls_->clear();
  answers_->clear();
  background_.cancel_all();
  cleanup_->abandon();
  server_->abandon();
  callbacks_.abandon();
  leader_->abandon();
  subscriptions_->close();
  commands_->close();
}

// Registration ------------------------------------------------------------------------------------

// Pending calls own the coroutines that wait for them, and those may own the service. When the
// execution context is destroyed under a running service, this, as part of a task of the context,
// is what breaks the circle.
class MeshCore::ContextWatch {
 public:
  explicit ContextWatch(MeshCore& core) : core_(core) {}
  ~ContextWatch() {
    if (core_.is_active()) core_.pending_.drop_all();
  }
  ContextWatch(const ContextWatch&) = delete;
  ContextWatch& operator=(const ContextWatch&) = delete;

 private:
  MeshCore& core_;
};

asio::awaitable<void> MeshCore::send_heartbeats(std::shared_ptr<MeshCore> /*self*/) {
  const ContextWatch watch(*this);
  auto next = Clock::now() + options_.heartbeat_interval;
  for (;;) {
    co_await heartbeat_due_.wait_until(next);
    next = Clock::now() + options_.heartbeat_interval;
    try {
      if (state_ == State::draining) {
        co_await send_draining_heartbeat();
      } else {
        co_await send_heartbeat();
      }
      co_await clean_up();
    } catch (...) {
      const auto error = std::current_exception();
      if (is_cancellation(error)) throw;
      heartbeat_log_.warn(Clock::now(), "heartbeat failed: " + describe_error(error));
    }
  }
}

asio::awaitable<void> MeshCore::send_draining_heartbeat() {
  std::exception_ptr refusal;
  bool owns_id = true;
  try {
    owns_id = co_await registry_->begin_to_leave(instance_id_, TimePoint::max());
  } catch (const MeshRedisError&) {
    refusal = std::current_exception();
  }
  // They are refused, or answered as before.
  if (owns_id) accept_held_requests();
  if (refusal) std::rethrow_exception(refusal);
}

asio::awaitable<void> MeshCore::send_heartbeat() {
  if (must_move_) {
    co_await move_to_new_id();
    co_return;
  }
  const InstanceId id = instance_id_;
  const auto sent_at = Clock::now();
  Registry::Heartbeat found;
  std::exception_ptr refusal;
  try {
    // However late the answer is, it must be heard: it alone tells that the node had been removed.
    found = co_await registry_->heartbeat(id, leader_->lock_value(), TimePoint::max());
  } catch (const MeshRedisError&) {
    refusal = std::current_exception();
  }
  if (refusal) {
    refused_at_ = Clock::now();
    // Redis does not say whose the id is, and may not for long.
    accept_held_requests();
    std::rethrow_exception(refusal);
  }
  note_leader(found.another_leads);
  // The subscription may be gone without a word, or be left at a server that is the master no more.
  if (found.is_unheard && subscriptions_->is_ready_since(sent_at)) {
    subscriptions_->reconnect("Redis knows no subscription of this node");
  }
  if (found.registration != Registry::Registration::taken_by_another) accept_held_requests();
  switch (found.registration) {
    case Registry::Registration::known:
      co_return;
    case Registry::Registration::missing:
      options_.log(LogLevel::warning, "node " + std::to_string(id) +
                                          " had been removed while it was alive; registered again");
      break;
    case Registry::Registration::taken_by_another:
      co_await move_to_new_id();
      co_return;
  }
  if (reregistered_) callbacks_.push(reregistered_);
}

asio::awaitable<void> MeshCore::move_to_new_id() {
  const auto deadline = Clock::now() + options_.redis.connect_timeout;
  const InstanceId old_id = instance_id_;
  subscriptions_->unsubscribe(std::exchange(node_channel_, {}));
  forget_held_requests();
  must_move_ = true;  // until it has succeeded: nothing is heard under the old id any more
  set_id(co_await register_with_new_id(deadline));
  must_move_ = false;
  accept_held_requests();
  options_.log(LogLevel::warning, "the id " + std::to_string(old_id) +
                                      " went to another node; registered as node " +
                                      std::to_string(instance_id_));
  if (reregistered_) callbacks_.push(reregistered_);
  // Responses may have gone to the old id.
  calls_->repeat_all();
}

// After an outage the other nodes need time to come back, and to be heard again after Redis has
// refused heartbeats, most likely also theirs.
bool MeshCore::others_may_return() const {
  const auto now = Clock::now();
  return (reconnected_at_ && now < *reconnected_at_ + options_.redis.reconnect_max_delay) ||
         (refused_at_ && now < *refused_at_ + options_.node_ttl);
}

// What the heartbeat saw spares the election to look itself, unless heartbeats are the rarer ones.
void MeshCore::note_leader(std::optional<bool> another_leads) {
  const bool replaces_attempts = options_.heartbeat_interval <= options_.leader.retry_delay;
  if (!another_leads || (*another_leads && !replaces_attempts)) return;
  // A leader that comes back has the first word.
  if (!others_may_return()) leader_->on_lock_seen(*another_leads);
}

asio::awaitable<void> MeshCore::clean_up() {
  if (leader_->is_leader() && !others_may_return()) {
    const bool still_leads = co_await cleanup_->run(instance_id_, leader_->lock_value());
    if (!still_leads) leader_->on_lock_lost();
  } else if (cleanup_->is_incomplete()) {
    co_await cleanup_->complete(instance_id_);
  }
}

asio::awaitable<std::vector<MeshNode>> MeshCore::list_nodes() {
  const auto self = shared_from_this();
  if (!is_active()) throw MeshNotRunningError();
  co_return co_await registry_->list(instance_id_, Clock::now() + options_.request_timeout);
}

// Incoming messages -------------------------------------------------------------------------------

void MeshCore::connect_events() {
  const std::weak_ptr<MeshCore> weak = weak_from_this();
  reconnected_at_.reset();
  refused_at_.reset();
  owns_id_ = true;
  must_move_ = false;
  pending_.set_never_sent_callback([weak] {
    const auto self = weak.lock();
    return self ? self->calls_->why_not_sent() : nullptr;
  });
  pending_.set_overdue_callback([weak](const RequestId& request_id) {
    if (const auto self = weak.lock()) self->calls_->repeat(request_id);
  });
  redis::Client::Events commands;
  commands.on_ready = [weak, first = true]() mutable {
    const auto self = weak.lock();
    if (!self || std::exchange(first, false)) return;
    ++self->counters_.reconnects;
    self->owns_id_ = false;
    self->reconnected_at_ = Clock::now();
    self->calls_->on_reconnected();
    self->calls_->on_ready();
    // Redis may have lost the registration, and the lock, with the connection.
    self->heartbeat_due_.notify_all();
    self->leader_->on_reconnected();
  };
  commands_->set_events(std::move(commands));

  redis::Client::Events subscriptions;
  subscriptions.on_ready = [weak, first = true]() mutable {
    const auto self = weak.lock();
    if (!self) return;
    if (!std::exchange(first, false)) {
      ++self->counters_.reconnects;
      self->calls_->on_reconnected();
      self->calls_->repeat_all();
    }
    self->calls_->on_ready();
  };
  subscriptions.on_message = [weak](std::string_view channel, std::string_view payload) {
    if (const auto self = weak.lock()) self->on_message(channel, payload);
  };
  subscriptions_->set_events(std::move(subscriptions));
}

void MeshCore::on_message(std::string_view channel, std::string_view payload) {
  if (channel == node_channel_) {
    on_node_message(payload);
  } else if (channel == broadcast_channel_) {
    on_broadcast_message(payload);
  } else if (channel == events_channel_) {
    watch_->on_event(payload);
  }
}

void MeshCore::on_node_message(std::string_view payload) {
  auto message = wire::decode_node_message(payload, options_.limits);
  if (auto* const request = std::get_if<wire::Request>(&message)) {
    on_request(std::move(*request));
  } else if (auto* const response = std::get_if<wire::Response>(&message)) {
    const RequestId id = response->request_id;
    if (!pending_.on_response(std::move(*response)))
      on_unexpected(id, "response to no pending call");
  } else if (const auto* const heartbeat = std::get_if<wire::Heartbeat>(&message)) {
    if (!pending_.on_heartbeat(heartbeat->request_id, Clock::now())) {
      on_unexpected(heartbeat->request_id, "heartbeat for no pending call");
    }
  } else {
    on_malformed(std::get<wire::Malformed>(message));
  }
}

// Nobody shall wait for a timeout because of a message that is of no use. What claims to be from
// this very node is not: it would be a call without messages.
void MeshCore::on_malformed(const wire::Malformed& message) {
  drop(message.reason);
  if (message.response) {
    pending_.on_unreadable(*message.response, message);
  } else if (message.request && message.request->sender != instance_id_ && owns_id_ &&
             commands_->is_ready()) {
    server_->on_unreadable(*message.request, message.reason);
  }
}

// After a reconnect the id may be another node's, if Redis has lost its data: until a heartbeat has
// told, both would run the same requests.
void MeshCore::on_request(wire::Request request) {
  if (owns_id_ && commands_->is_ready()) {
    server_->on_request(std::move(request));
  } else if (held_bytes_ + request.size <= options_.limits.queued_bytes) {
    held_bytes_ += request.size;
    held_.push_back(HeldRequest{std::move(request), Clock::now()});
  } else {
    drop("a request that came before this node had registered again");
  }
}

void MeshCore::accept_held_requests() {
  owns_id_ = true;
  held_bytes_ = 0;
  for (HeldRequest& held : std::exchange(held_, {})) {
    server_->on_request(std::move(held.request), held.arrived_at);
  }
}

void MeshCore::forget_held_requests() {
  held_bytes_ = 0;
  held_.clear();
}

void MeshCore::on_broadcast_message(std::string_view payload) {
  auto message = wire::decode_broadcast(payload, options_.limits);
  if (const auto* const malformed = std::get_if<wire::Malformed>(&message)) {
    drop(malformed->reason);
    return;
  }
  auto& broadcast = std::get<wire::Broadcast>(message);
  // The own ones were delivered without the detour.
  if (broadcast.sender != instance_id_) server_->on_broadcast(std::move(broadcast));
}

void MeshCore::on_unexpected(const RequestId& request_id, const std::string& reason) {
  if (pending_.was_given_up(request_id)) {
    ++counters_.messages_late;
  } else {
    drop(reason);
  }
}

void MeshCore::drop(const std::string& reason) {
  ++counters_.messages_dropped;
  drop_log_.warn(Clock::now(), "dropped a message: " + reason);
}

// Outgoing messages -------------------------------------------------------------------------------

void MeshCore::begin_call(detail::OutgoingCall call, detail::CallCompletion completion,
                          const std::shared_ptr<CallControl>& control) {
  if (control && control->cancelled) {
    std::move(completion)(operation_aborted(), detail::Json());
    return;
  }
  const auto timeout =
      call.timeout == std::chrono::milliseconds::zero() ? options_.request_timeout : call.timeout;
  const UuidGenerator::Text uuid = uuids_.next_text();
  const RequestId request_id(std::string_view(uuid.data(), uuid.size()));
  std::string message = wire::encode_request(request_id.view(), instance_id_, call.type, call.data,
                                             timeout, false, std::move(message_));
  if (auto objection = objection_to_call(message)) {
    std::move(completion)(std::move(objection), detail::Json());
    return;
  }
  if (control) control->request_id = request_id;
  PendingCall pending{std::move(completion), call.target, call.type, timeout, Clock::now()};
  pending.has_data = has_room_to_keep(call.data.size());
  if (pending.has_data) pending.data = std::move(call.data);
  calls_->send(request_id, pending_.add(request_id, std::move(pending)), message);
  constexpr std::size_t usual_size = std::size_t{64} << 10U;
  if (message.capacity() <= usual_size) message_ = std::move(message);
}

bool MeshCore::has_room_to_keep(std::size_t size) const {
  return pending_.kept_bytes() + size <= options_.limits.queued_bytes;
}

std::exception_ptr MeshCore::objection_to_call(std::string_view message) const {
  if (!is_active()) return std::make_exception_ptr(MeshNotRunningError());
  if (pending_.size() >= options_.limits.pending_calls) {
    return std::make_exception_ptr(
        MeshLimitError(std::to_string(pending_.size()) +
                       " calls are waiting for an answer (MeshLimits::pending_calls)"));
  }
  if (message.size() > options_.limits.message_size) {
    return std::make_exception_ptr(MeshLimitError("the request has " +
                                                  std::to_string(message.size()) +
                                                  " bytes, more than MeshLimits::message_size"));
  }
  if (wire::is_nested_deeper(message, options_.limits.nesting_depth)) {
    return std::make_exception_ptr(
        MeshLimitError("the request is nested deeper than MeshLimits::nesting_depth"));
  }
  // What cannot be sent now must be kept.
  if (!calls_->can_send() && !has_room_to_keep(message.size())) {
    return std::make_exception_ptr(redis::overflow_error());
  }
  return nullptr;
}

void MeshCore::cancel_call(CallControl& control) {
  control.cancelled = true;
  pending_.cancel(control.request_id, operation_aborted());
}

asio::awaitable<void> MeshCore::broadcast(std::string type, std::string data,
                                          BroadcastOptions options) {
  const auto self = shared_from_this();
  if (!is_active()) throw MeshNotRunningError();
  std::string message = wire::encode_broadcast(instance_id_, type, data);
  if (message.size() > options_.limits.message_size) {
    throw MeshLimitError("the broadcast has " + std::to_string(message.size()) +
                         " bytes, more than MeshLimits::message_size");
  }
  if (wire::is_nested_deeper(message, options_.limits.nesting_depth)) {
    throw MeshLimitError("the broadcast is nested deeper than MeshLimits::nesting_depth");
  }
  redis::Command command{"PUBLISH", broadcast_channel_, message};
  co_await commands_->request(std::move(command), Clock::now() + options_.request_timeout,
                              redis::Priority::payload);
  ++counters_.broadcasts_sent;
  if (options.skip_self) co_return;
  wire::Broadcast own;
  own.sender = instance_id_;
  own.type = std::move(type);
  own.data = detail::Json::parse(data);
  server_->on_broadcast(std::move(own));
}

}  // namespace mesh::core
