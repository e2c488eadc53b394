#include <core/mesh_core.hpp>

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <mesh/errors.hpp>

#include <config/key_prefix.hpp>
#include <core/cluster_channels.hpp>
#include <core/prepared_options.hpp>
#include <core/single_redis_channels.hpp>
#include <util/cancellation.hpp>
#include <util/describe_error.hpp>
#include <wire/encode.hpp>

namespace mesh::core {

namespace {

MeshOptions noting_errors(MeshOptions options, const Counters& counters) {
  options.log = introspection::noting(std::move(options.log), counters.last_error);
  return options;
}

std::shared_ptr<NodeChannels> make_channels(const Connections& connections, const Keys& keys) {
  if (!connections.primaries()) {
    return std::make_shared<SingleRedisChannels>(connections.commands(), keys);
  }
  return std::make_shared<ClusterChannels>(connections.commands(), connections.primaries(), keys);
}

}  // namespace

MeshCore::MeshCore(asio::any_io_executor executor, const std::string& key, MeshOptions options)
    : executor_(std::move(executor)),
      strand_(options.protocol_executor ? options.protocol_executor : executor_),
      counters_(std::make_shared<Counters>()),
      options_(noting_errors(prepare_options(key, std::move(options), gate_), *counters_)),
      keys_(options_.redis, key),
      interception_(
          options_.interceptors.empty()
              ? nullptr
              : std::make_shared<Interception>(options_.interceptors, options_.log, gate_)),
      lock_key_(options_.leader_redis
                    ? config::lock_key(options_.redis, *options_.leader_redis, "mesh:" + key)
                    : keys_.leader_lock()),
      connections_(strand_, options_, keys_, lock_key_,
                   std::shared_ptr<StrandGauge>(counters_, &counters_->bytes_waiting)),
      channels_(make_channels(connections_, keys_)),
      registry_(std::make_shared<Registry>(
          Registry::Context{strand_, connections_.commands(), keys_, options_.node_ttl,
                            options_.hostname, connections_.primaries() ? channels_ : nullptr})),
      leader_(std::make_shared<leader::LeaderDriver>(
          leader::LeaderContext{strand_, executor_, connections_.election(), lock_key_,
                                options_.log, gate_},
          options_.leader)),
      cleanup_(std::make_shared<Cleanup>(
          Cleanup::Context{strand_, executor_, options_.node_ttl, options_.log, gate_}, registry_)),
      new_calls_(std::make_shared<StrandBatch<MeshCore, NewCall>>(
          strand_, [](MeshCore& core, NewCall&& call) { core.begin_call(std::move(call)); })),
      pending_(strand_, *counters_),
      drain_progress_(std::make_shared<Event>(strand_)),
      packer_(std::make_shared<Packer>(channels_)),
      calls_(std::make_shared<CallSender>(
          CallSender::Context{
              strand_, connections_.commands(), connections_.own_channel(), channels_, packer_,
              keys_, [this](std::string message) { deliver_here(std::move(message)); },
              [this](const PendingCall& call) { return routed_calls_.may_go_elsewhere(call); },
              options_.redis.reconnect_max_delay},
          instance_id_, pending_, *counters_)),
      server_(std::make_shared<RequestServer>(
          RequestServer::Context{
              strand_, executor_, options_.limits, options_.request_timeout, options_.log,
              [progress = drain_progress_] { progress->notify_all(); },
              [commands = connections_.commands()] { return commands->can_send(); }, gate_,
              interception_},
          *counters_)),
      answers_(std::make_shared<AnswerSender>(
          AnswerSender::Context{strand_, channels_, packer_, options_.limits.queued_bytes,
                                options_.log,
                                [progress = drain_progress_] { progress->notify_all(); },
                                options_.redis.reconnect_max_delay},
          *counters_)),
      view_(std::make_shared<view::LocalView>(view::LocalView::Context{
          strand_, connections_.subscriptions(), keys_.events_channel(),
          options_.heartbeat_interval, options_.node_ttl, options_.redis.reconnect_max_delay,
          options_.request_timeout, options_.log,
          [registry = registry_](InstanceId self, TimePoint deadline) {
            return registry->list_infos(self, deadline);
          }})),
      callbacks_(
          strand_, executor_,
          [log = options_.log](const std::exception_ptr& error) {
            log(LogLevel::error, "a mesh callback threw: " + describe_error(error));
          },
          gate_),
      watch_(callbacks_),
      own_info_(
          std::make_shared<OwnInfo>(options_.info, options_.hostname, server_->shared_handlers())),
      connection_state_(connections_, callbacks_, *counters_),
      background_(strand_,
                  [log = options_.log](const std::exception_ptr& error) {
                    log(LogLevel::error, "the heartbeats ended: " + describe_error(error));
                  }),
      state_changed_(strand_),
      inbox_(Inbox::Context{connections_.commands(), keys_, options_.limits, options_.log},
             instance_id_, pending_, server_, view_, *counters_),
      registration_(registration_context(), instance_id_, registry_, leader_, cleanup_, inbox_),
      outbox_(Outbox::Context{connections_.commands(), keys_.broadcast_channel(), options_.limits,
                              options_.request_timeout},
              instance_id_, pending_, calls_, *counters_),
      routed_calls_(
          {view_, calls_, options_.heartbeat_interval, options_.limits, [this] { want_view(); }},
          instance_id_, pending_, outbox_, *counters_) {
  server_->set_builtin_handlers(introspection::make_builtin_handlers(
      {[counters = counters_] { return counters->instance_id.load(); },
       [counters = counters_] { return counters->snapshot(); },
       [weak = std::weak_ptr(own_info_), counters = counters_] {
         const auto own = weak.lock();
         NodeInfo info = own ? own->info() : NodeInfo{};
         info.instance_id = counters->instance_id;
         return info;
       }}));
}

Registration::Context MeshCore::registration_context() {
  return {
      .strand = strand_,
      .commands = connections_.commands(),
      .subscriptions = connections_.subscriptions(),
      .own_channel = connections_.own_channel(),
      .keys = keys_,
      .heartbeat_interval = options_.heartbeat_interval,
      .node_ttl = options_.node_ttl,
      .connect_timeout = options_.redis.connect_timeout,
      .reconnect_max_delay = options_.redis.reconnect_max_delay,
      .leader = options_.leader,
      .is_election_elsewhere = connections_.elsewhere() != nullptr,
      .log = options_.log,
      .info = [this](const std::string& owner) { return own_info_->text(owner); },
      .wants_list_state = [this] { return view_->is_wanted(); },
      .on_list_state = [this](const view::ListState& state) { view_->on_heartbeat(state); },
      .on_claimed = [this](InstanceId id) { view_->set_own_id(id); },
      .on_id = [this](InstanceId id) { set_id(id); },
      .on_reregistered =
          [this] {
            view_->doubt_list();
            if (reregistered_) callbacks_.push(reregistered_);
          },
      .on_moved = [this] { calls_->repeat_all(); },
  };
}

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

void MeshCore::set_connection_callback(ConnectionState::Callback callback) {
  asio::post(strand_, [self = shared_from_this(), callback = std::move(callback)]() mutable {
    self->connection_state_.set_callback(std::move(callback));
  });
}

void MeshCore::watch_nodes(view::NodeWatch::Callback callback) {
  asio::post(strand_, [self = shared_from_this(), callback = std::move(callback)]() mutable {
    self->watch_.set_callback(std::move(callback), self->view_->nodes(), self->view_->own_id());
    if (self->watch_.has_callback()) self->want_view();
  });
}

void MeshCore::announce_handlers() {
  if (is_announcing_.exchange(true)) return;
  asio::post(strand_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->is_announcing_ = false;
    const bool may_be_told = self->is_active() || self->state_ == State::starting;
    if (may_be_told) self->registration_.on_info_changed();
  });
}

void MeshCore::want_view() {
  if (view_->want() && is_active()) start_view();
}

void MeshCore::start_view() {
  if (view_->is_wanted()) background_.spawn(view_->run(view_));
}

void MeshCore::set_id(InstanceId id) {
  instance_id_ = id;
  counters_->instance_id = id;
  view_->set_own_id(id);
}

// Stopping --------------------------------------------------------------------------------------

asio::awaitable<void> MeshCore::stop(StopOptions options) {
  const auto self = shared_from_this();
  const auto session = session_;
  const auto begin = Clock::now();
  const Clock::duration drain_time =
      options.drain_timeout.value_or(std::min(options_.drain_timeout, options_.stop_timeout / 2));
  bool drained_unasked = false;
  if (state_ == State::starting) {
    // start() then fails with MeshStoppedError and cleans up.
    state_ = State::stopping;
    background_.cancel_all();
  }
  if (state_ == State::running && drain_time > Clock::duration::zero()) {
    drain_deadline_ = begin + drain_time;
    co_await drain();
    drained_unasked = !options.drain_timeout;
    if (state_ != State::draining) {
      // The service was destroyed meanwhile.
      become_stopped();
      co_return;
    }
    state_ = State::running;
  } else if (state_ == State::draining) {
    drain_deadline_ = std::min(drain_deadline_, begin + drain_time);
    drain_progress_->notify_all();
  }
  while (session_ == session && state_ != State::running && state_ != State::stopped) {
    co_await state_changed_.wait_until(TimePoint::max());
  }
  if (session_ != session || state_ == State::stopped) co_return;
  state_ = State::stopping;
  connection_state_.end();
  pending_.fail_all_stopped();
  calls_->clear();
  routed_calls_.clear();
  background_.cancel_all();
  // Only a drain that was asked for may prolong the whole.
  co_await leave_mesh((drained_unasked ? begin : Clock::now()) + options_.stop_timeout);
  co_await disconnect();
  become_stopped();
}

// Running handlers may still call others, and are answered; nobody new should come.
asio::awaitable<void> MeshCore::drain() {
  state_ = State::draining;
  server_->refuse_new();
  const auto is_done = [this] { return server_->is_drained() && answers_->is_idle(); };
  if (is_done()) co_return;
  registration_.begin_to_leave();
  while (state_ == State::draining && !is_done() && Clock::now() < drain_deadline_) {
    co_await drain_progress_->wait_until(drain_deadline_);
  }
  if (!is_done()) options_.log(LogLevel::warning, "not everything was done after drain_timeout");
}

asio::awaitable<void> MeshCore::leave_mesh(TimePoint deadline) {
  // Handlers and callbacks that take long must leave some time to say goodbye to Redis.
  const auto users_deadline = deadline - Clock::duration(options_.stop_timeout) / 4;
  // A Redis that hangs must not take the time that the election's needs, nor the other way round.
  const auto registry_deadline =
      connections_.elsewhere() ? deadline - Clock::duration(options_.stop_timeout) / 8 : deadline;
  co_await background_.join_until(deadline);
  co_await cleanup_->stop(users_deadline);
  server_->cancel_all();
  if (!co_await server_->join_until(users_deadline)) {
    options_.log(LogLevel::warning, "stopped while handlers were running that ignore cancellation");
  }
  co_await leader_->resign(users_deadline, deadline);
  if (!connections_.elsewhere()) co_await leader_->release(deadline);
  registration_.unsubscribe();
  co_await registration_.leave(registry_deadline);
  co_await connections_.wait_answered(registry_deadline);
  if (connections_.elsewhere()) co_await leader_->release(deadline);
  if (!co_await callbacks_.drain_until(deadline)) callbacks_.abandon();
}

asio::awaitable<void> MeshCore::disconnect() {
  constexpr std::chrono::seconds patience{1};  // closing needs no answer from anyone
  co_await connections_.close_until(Clock::now() + patience);
}

void MeshCore::become_stopped() {
  pending_.fail_all_stopped();
  calls_->clear();
  routed_calls_.clear();
  answers_->clear();
  packer_->clear();
  inbox_.forget_held();
  view_->forget();
  set_id(0);
  connection_state_.end();
  users_work_.release();
  state_ = State::stopped;
  state_changed_.notify_all();
}

void MeshCore::abandon() {
  if (state_ != State::stopped) state_ = State::stopping;
  pending_.fail_all_stopped();
  calls_->clear();
  routed_calls_.clear();
  answers_->clear();
  packer_->clear();
  background_.cancel_all();
  connection_state_.end();
  cleanup_->abandon();
  server_->abandon();
  callbacks_.abandon();
  leader_->abandon();
  drain_progress_->notify_all();
  connections_.close();
}

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

asio::awaitable<void> MeshCore::stay_registered(std::shared_ptr<MeshCore> /*self*/) {
  const ContextWatch watch(*this);
  co_await registration_.keep();
}

asio::awaitable<std::vector<MeshNode>> MeshCore::list_nodes() {
  const auto self = shared_from_this();
  if (!is_active()) throw MeshNotRunningError();
  co_return co_await registry_->list(instance_id_, Clock::now() + options_.request_timeout);
}

asio::awaitable<std::vector<NodeInfo>> MeshCore::list_infos() {
  const auto self = shared_from_this();
  if (!is_active()) throw MeshNotRunningError();
  const auto deadline = Clock::now() + options_.request_timeout;
  view::Listing listing = co_await registry_->list_infos(instance_id_, deadline);
  co_return std::move(listing.nodes);
}

// Outgoing messages -------------------------------------------------------------------------------

void MeshCore::begin_call(NewCall&& call) {
  if (call.control && call.control->cancelled) {
    std::move(call.completion)(cancellation_error(), std::string());
  } else if (!is_active()) {
    std::move(call.completion)(std::make_exception_ptr(MeshNotRunningError()), std::string());
  } else if (call.call.routing) {
    routed_calls_.begin(std::move(call.call), std::move(call.completion), call.control);
  } else {
    outbox_.begin_call(std::move(call.call), std::move(call.completion), call.control);
  }
}

// In a later turn, as from elsewhere.
void MeshCore::deliver_here(std::string message) {
  asio::post(strand_, [weak = weak_from_this(), message = std::move(message)] {
    const auto self = weak.lock();
    if (self && self->is_active()) self->inbox_.on_own_message(message);
  });
}

void MeshCore::cancel_call(CallControl& control) {
  control.cancelled = true;
  pending_.cancel(control.request_id, cancellation_error());
}

asio::awaitable<void> MeshCore::broadcast(std::string type, std::string data,
                                          BroadcastOptions options) {
  const auto self = shared_from_this();
  if (!is_active()) throw MeshNotRunningError();
  co_await outbox_.broadcast(type, data);
  if (options.skip_self) co_return;
  wire::Broadcast own;
  own.sender = instance_id_;
  own.type = std::move(type);
  own.data = std::move(data);
  server_->on_broadcast(std::move(own));
}

}  // namespace mesh::core
