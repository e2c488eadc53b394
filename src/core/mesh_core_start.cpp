// How a node joins the mesh, and what it undoes where that fails.
#include <core/mesh_core.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/this_coro.hpp>
#include <mesh/errors.hpp>

#include <config/key_prefix.hpp>
#include <core/node_features.hpp>
#include <util/describe_error.hpp>

namespace mesh::core {

asio::awaitable<void> MeshCore::start() {
  const auto self = shared_from_this();
  if (state_ != State::stopped) throw MeshAlreadyRunningError();
  state_ = State::starting;
  // Where the protocol runs is kept busy by its connections.
  if (strand_.get_inner_executor() != executor_) users_work_.hold(executor_);
  const auto session = ++session_;
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
  if (!attempt->ended) background_.cancel_all();
  while (!attempt->ended) co_await state_changed_.wait_until(TimePoint::max());
  if (!attempt->error && state_ != State::running && gate_->is_open()) {
    // It had just succeeded, and a stop() that came before the cancellation ends what it began.
    while (session_ == session && state_ != State::stopped) {
      co_await state_changed_.wait_until(TimePoint::max());
    }
    std::rethrow_exception(cancellation);
  }
  const bool was_stopped = state_ == State::stopping;
  co_await clean_up_failed_start();
  if (was_stopped) throw MeshStoppedError();
  std::rethrow_exception(cancellation ? cancellation : attempt->error);
}

// A task of its own, so that stop() can cancel it whatever it waits for.
asio::awaitable<void> MeshCore::attempt_to_join(std::shared_ptr<MeshCore> /*self*/,
                                                std::shared_ptr<Attempt> attempt) {
  const auto latest = Clock::now() + options_.start_timeout;
  try {
    bool has_joined = false;
    while (!has_joined) has_joined = co_await join_or_undo(latest);
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
    connection_state_.end();
    background_.cancel_all();
    co_await leave_mesh(deadline);
    co_await disconnect();
  } else {
    co_await undo_join(deadline);
  }
  become_stopped();
}

asio::awaitable<void> MeshCore::undo_join(TimePoint deadline) {
  server_->cancel_all();
  co_await server_->join_until(deadline);
  co_await registration_.leave(deadline);
  co_await disconnect();
  // Refusals to callers that were as early as this.
  answers_->clear();
  packer_->clear();
  inbox_.forget_held();
}

// False if it failed and there is time to try again.
asio::awaitable<bool> MeshCore::join_or_undo(TimePoint latest) {
  constexpr std::chrono::seconds pause{1};  // each attempt may use up an id
  std::exception_ptr reason;
  try {
    co_await join_mesh(latest);
    co_return true;
  } catch (const MeshConnectionError&) {
    reason = std::current_exception();
  } catch (const MeshRedisError&) {
    reason = std::current_exception();
  }
  const auto next = Clock::now() + pause;
  if (next >= latest) std::rethrow_exception(reason);
  options_.log(LogLevel::warning,
               "could not join " + keys_.stem() + ": " + describe_error(reason) + "; trying again");
  co_await undo_join(std::min<TimePoint>(next, Clock::now() + options_.stop_timeout));
  Event never(strand_);
  co_await never.wait_until(next);
  co_return false;
}

asio::awaitable<void> MeshCore::join_mesh(TimePoint latest) {
  const bool waits = options_.start_timeout.count() > 0;
  auto deadline = Clock::now() + options_.redis.connect_timeout;
  connect_events();
  co_await connections_.open(waits ? latest : deadline, waits);
  if (waits) deadline = Clock::now() + options_.redis.connect_timeout;

  server_->start([weak = weak_from_this()](InstanceId target, Answer&& answer) {
    const auto self = weak.lock();
    if (!self) return;
    if (is_caller_here(answer.accepts)) {
      if (answer.deliveries) ++*answer.deliveries;
      self->deliver_here(std::move(answer.message));
    } else {
      self->answers_->send(target, std::move(answer));
    }
  });
  own_info_->set_started_at(std::chrono::system_clock::now());
  const InstanceId id = co_await registration_.join(deadline);
  if (state_ != State::starting) throw MeshStoppedError();

  set_id(id);
  state_ = State::running;
  connection_state_.begin();
  background_.spawn(stay_registered(shared_from_this()));
  start_view();
  connections_.open_elsewhere();
  if (options_.can_lead) leader_->start();
  const std::string place = connections_.elsewhere() ? ", its leader is elected at " +
                                                           connections_.elsewhere()->location()
                                                     : std::string();
  options_.log(LogLevel::info, "joined " + keys_.stem() + " at " +
                                   connections_.commands()->location() + " as node " +
                                   std::to_string(id) + place);
  const std::string doubt = config::doubt_about_mesh(
      options_.redis, options_.leader_redis ? *options_.leader_redis : options_.redis);
  if (!doubt.empty()) options_.log(LogLevel::warning, doubt);
}

}  // namespace mesh::core
