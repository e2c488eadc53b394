#include <leader/election.hpp>

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

#include <boost/asio/post.hpp>
#include <mesh/errors.hpp>

#include <config/key_prefix.hpp>
#include <config/tls_doubt.hpp>
#include <redis/slot.hpp>
#include <util/gated.hpp>

namespace mesh::leader {

namespace {

constexpr std::chrono::seconds stop_timeout{5};
constexpr std::size_t queued_bytes = std::size_t{1} << 20U;

void validate(const std::string& key, const LeaderOptions& options, const RedisOptions& redis,
              const LogSink& log) {
  if (key.empty()) throw std::invalid_argument("the key of a LeaderService must not be empty");
  if (!log) throw std::invalid_argument("the log sink of a LeaderService must not be empty");
  options.validate();
  redis.validate();
}

}  // namespace

Election::Election(asio::any_io_executor executor, const std::string& key,
                   const LeaderOptions& options, const RedisOptions& redis, LogSink log)
    : strand_(executor), executor_(executor), stopped_(strand_) {
  validate(key, options, redis, log);
  log = gated(std::move(log), gate_);
  log_ = log;
  doubts_ = {config::doubt_about_lock(redis), config::doubt_about_tls(redis)};
  const std::string lock_key = config::lock_key(redis, key);
  client_ = std::make_shared<redis::Client>(strand_, gated(redis, gate_), "election " + key,
                                            queued_bytes, log, nullptr, redis::slot_of(lock_key));
  LeaderContext context{strand_, std::move(executor), client_, lock_key, std::move(log), gate_};
  driver_ = std::make_shared<LeaderDriver>(std::move(context), options);
}

Election::Election(Strand strand, asio::any_io_executor executor,
                   std::shared_ptr<LeaderDriver> driver)
    : strand_(std::move(strand)),
      executor_(std::move(executor)),
      driver_(std::move(driver)),
      stopped_(strand_) {}

void Election::start() {
  if (belongs_to_mesh()) reject_use();
  State expected = State::stopped;
  if (!state_.compare_exchange_strong(expected, State::running)) throw MeshAlreadyRunningError();
  asio::post(strand_, [self = shared_from_this()] {
    if (self->state_ != State::running) return;
    redis::Client::Events events;
    events.on_ready = [driver = std::weak_ptr(self->driver_)] {
      if (const auto locked = driver.lock()) locked->on_reconnected();
    };
    self->client_->set_events(std::move(events));
    for (const std::string& doubt : self->doubts_) {
      if (!doubt.empty()) self->log_(LogLevel::warning, doubt);
    }
    self->client_->open();
    self->driver_->start();
  });
}

asio::awaitable<void> Election::stop() {
  if (belongs_to_mesh()) reject_use();
  const auto self = shared_from_this();
  const auto deadline = Clock::now() + stop_timeout;
  while (state_ == State::stopping) {
    if (!co_await stopped_.wait_until(deadline)) co_return;
  }
  if (state_ == State::stopped) co_return;
  state_ = State::stopping;
  // Callbacks that take long must leave some time to free the lock.
  co_await driver_->stop(deadline - Clock::duration(stop_timeout) / 4, deadline);
  client_->close();
  co_await client_->join_until(Clock::now() + stop_timeout);
  state_ = State::stopped;
  stopped_.notify_all();
}

void Election::abandon() {
  if (belongs_to_mesh()) return;
  driver_->abandon();
  client_->close();
}

void Election::reject_use() {
  throw std::logic_error("a mesh starts and stops its own leader election");
}

}  // namespace mesh::leader
