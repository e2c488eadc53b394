#include <redis/client.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>

#include <redis/backoff.hpp>
#include <redis/reply_errors.hpp>
#include <redis/size_refusal.hpp>
#include <util/describe_error.hpp>

namespace mesh::redis {

Client::Client(Strand strand, RedisOptions options, std::string name, std::size_t queued_bytes,
               LogSink log, std::shared_ptr<MasterWatch> master_watch, std::uint16_t slot)
    : strand_(std::move(strand)),
      options_(std::move(options)),
      connector_(strand_, options_, slot),
      master_watch_(master_watch ? std::move(master_watch)
                                 : std::make_shared<MasterWatch>(strand_, options_)),
      name_(std::move(name)),
      log_(std::move(log)),
      tasks_(strand_,
             [this](const std::exception_ptr& error) {
               this->log(LogLevel::error, "gave up: " + describe_error(error));
             }),
      state_changed_(strand_),
      queued_bytes_(queued_bytes),
      queue_(queued_bytes) {}

void Client::set_events(Events events) {
  events_ = std::move(events);
  connector_.set_slots_callback(events_.on_slots);
}

void Client::open() {
  if (open_) return;
  open_ = true;
  attempts_failed_ = 0;
  last_error_.reset();
  tasks_.spawn(run(shared_from_this()));
}

void Client::lead_to(std::uint16_t slot) {
  if (!connector_.uses_cluster()) return;
  connector_.lead_to(slot);
  if (!link_) return;
  const std::string cause = "it is needed at another slot";
  link_->close(cause);
  constexpr bool is_trouble = false;
  become_lost(cause, is_trouble);
}

void Client::close() {
  if (!open_) return;
  open_ = false;
  ready_ = false;
  channels_.clear();
  known_causes_.clear();
  tasks_.cancel_all();
  // Hold on to what the callbacks below may release.
  const auto link = std::exchange(link_, nullptr);
  if (link) link->close("closed by this side");
  if (aside_) aside_->close("closed by this side");
  aside_.reset();
  while (auto queued = queue_.pop()) queued->callback(Outcome{Failure::stopped});
  state_changed_.notify_all();
}

asio::awaitable<bool> Client::join_until(TimePoint deadline) { return tasks_.join_until(deadline); }

asio::awaitable<void> Client::run(std::shared_ptr<Client> /*self*/) {
  Backoff backoff(options_.reconnect_min_delay, options_.reconnect_max_delay);
  std::uniform_real_distribution<double> jitter(0.0, 1.0);
  Event never(strand_);
  auto away_since = Clock::now();
  while (open_) {
    co_await establish();
    if (const auto link = link_) {
      const auto connected_at = Clock::now();
      if (master_watch_->is_needed()) tasks_.spawn(watch_master(shared_from_this(), link));
      const std::string cause = co_await watch(link);
      become_lost(cause);
      master_watch_->look_again();
      // A connection that was lost at once again must not be retried without pause.
      if (Clock::now() - connected_at > options_.reconnect_max_delay) {
        backoff.reset();
        away_since = Clock::now();
      }
    }
    const auto now = Clock::now();
    const auto outage = std::chrono::duration_cast<Backoff::Duration>(now - away_since);
    co_await never.wait_until(now + backoff.next(jitter(random_), outage));
  }
}

asio::awaitable<void> Client::establish() {
  // A little earlier than those who wait for it, so that they learn the cause.
  const auto deadline = Clock::now() + options_.connect_timeout * 49 / 50;
  try {
    const auto link = co_await connector_.connect(deadline);
    link->set_message_callback(events_.on_message);
    link->set_oversized_callback(events_.largest_message, events_.on_oversized);
    link->set_error_reply_callback([weak = weak_from_this()](const Reply& reply) {
      if (const auto self = weak.lock()) self->note_error_reply(reply);
    });
    link->set_before_write_callback(events_.before_write);
    link->set_written_callback([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->send_queued();
    });
    co_await restore_subscriptions(link, deadline);
    // A channel added meanwhile is subscribed by whoever added it.
    become_ready(link);
  } catch (const PassingConnectionError& error) {
    note_failed_attempt(error, true);
  } catch (const MeshConnectionError& error) {
    note_failed_attempt(error, false);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    const Endpoint endpoint = configured_endpoint(options_);
    note_failed_attempt(MeshConnectionError(endpoint.name(), endpoint.port, error.what()), false);
  }
}

void Client::become_ready(std::shared_ptr<Link> link) {
  if (!open_ || link->closed()) return;
  link_ = std::move(link);
  ready_ = true;
  ready_since_ = Clock::now();
  if (last_error_) {
    const bool is_news = std::exchange(trouble_is_logged_, false);
    log(is_news ? LogLevel::info : LogLevel::debug, "connected to " + to_string(link_->address()));
  }
  last_error_.reset();
  if (events_.on_ready) events_.on_ready();
  send_queued();
  state_changed_.notify_all();
}

void Client::become_lost(const std::string& cause, bool is_trouble) {
  if (!ready_) return;
  const auto link = std::exchange(link_, nullptr);
  ready_ = false;
  if (aside_) aside_->close("the slot may have moved by now");
  aside_.reset();
  // The same again is larger or smaller by what surrounds it.
  const std::size_t suspect_size = link->connection().suspect_size();
  if (suspect_size > 0) wary_of_ = suspect_size / 8 * 7;
  last_error_.emplace(link->address().name(), link->address().port, cause);
  // Redis may let us in and hang up again and again.
  if (Clock::now() - ready_since_ > options_.reconnect_max_delay) known_causes_.clear();
  if (!is_trouble) known_causes_.insert(cause);
  log_trouble(cause, "lost the connection to " + to_string(link->address()) + ": " + cause +
                         "; reconnecting");
  if (events_.on_lost) events_.on_lost();
  state_changed_.notify_all();
}

std::optional<Endpoint> Client::connected_to() const {
  if (!ready_) return std::nullopt;
  return connector_.master();
}

bool Client::is_idle() const {
  return executing_ == 0 && queue_.empty() &&
         (!link_ || link_->connection().unanswered_bytes() == 0);
}

void Client::reconnect(const std::string& cause) {
  if (link_) link_->close(cause);
}

void Client::note_failed_attempt(const MeshConnectionError& error, bool is_passing) {
  if (!is_passing) ++attempts_failed_;
  last_error_ = connection_error(error.host(), error.port(), error.cause());
  log_trouble(error.cause(), last_error_->what());
  expire_queued(Clock::now());
  state_changed_.notify_all();
}

std::string Client::location() const {
  std::string text = to_string(configured_endpoint(options_));
  if (connector_.uses_cluster()) return "the cluster of " + text;
  if (connector_.uses_sentinel()) {
    const std::string master = link_ ? to_string(link_->address()) : "an unknown place";
    text = master + ", which Sentinel calls " + options_.sentinel_name;
  }
  if (options_.database != 0) text += " (database " + std::to_string(options_.database) + ")";
  return text;
}

asio::awaitable<void> Client::wait_ready(TimePoint deadline, bool attempts_may_fail) {
  const auto failed_before = attempts_failed_;
  while (!ready_) {
    if (!open_) throw MeshStoppedError();
    const bool has_failed = attempts_failed_ > failed_before;
    if (has_failed && !attempts_may_fail) throw MeshConnectionError(*last_error_);
    if (!co_await state_changed_.wait_until(deadline) && !ready_) {
      if (attempts_may_fail && last_error_) throw MeshConnectionError(*last_error_);
      throw_failure(Failure::expired);
    }
  }
}

void Client::submit(Command command, TimePoint deadline, OutcomeCallback&& callback,
                    Priority priority) {
  if (!open_) {
    callback(Outcome{Failure::stopped});
    return;
  }
  if (can_send()) {
    const bool is_payload = priority == Priority::payload;
    if (is_payload && !has_room_for(command.size())) {
      callback(Outcome{Failure::overflow});
      return;
    }
    if (!is_payload || (queue_.empty() && has_room_to_write())) {
      hand_over(command, std::move(callback));
      return;
    }
    // Nor does what waits here overtake what was published before.
    if (events_.before_write) events_.before_write();
  }
  auto refused =
      queue_.push(QueuedCommand{std::move(command), deadline, std::move(callback), priority});
  if (refused) {
    expire_queued(Clock::now());
    refused = queue_.push(std::move(*refused));
  }
  if (refused) refused->callback(Outcome{Failure::overflow});
}

void Client::publish(std::string_view channel, std::string_view message, TimePoint deadline,
                     OutcomeCallback&& callback, std::size_t messages) {
  if (can_publish_at_once(channel.size() + message.size())) {
    link_->connection().publish(channel, message, std::move(callback), messages);
  } else {
    submit(Command{words_of(channel_kind()).publish, channel, message}, deadline,
           std::move(callback));
  }
}

bool Client::can_publish_at_once(std::size_t size) const {
  constexpr std::size_t most_around = 100;  // what a command has besides
  size += most_around;
  return open_ && can_send() && queue_.empty() && has_room_to_write() && has_room_for(size) &&
         !is_suspicious(size);
}

void Client::want_write() {
  if (link_) link_->connection().want_write();
}

bool Client::can_send() const {
  // It may have closed already without our having been told.
  return ready_ && !link_->closed() && link_->connection().is_open();
}

bool Client::has_room_for(std::size_t size) const {
  // One command must always be possible, however large.
  const std::size_t waiting = link_->connection().unanswered_bytes() + queue_.bytes();
  return waiting == 0 || waiting + size <= queued_bytes_;
}

// What has been handed to the connection, nothing can overtake any more.
bool Client::has_room_to_write() const {
  constexpr std::size_t most_before_control = std::size_t{128} << 10U;
  return link_->connection().unwritten_bytes() < most_before_control && !is_alone_;
}

void Client::hand_over(const Command& command, OutcomeCallback&& callback) {
  if (events_.before_write) events_.before_write();
  const bool is_suspect = is_suspicious(command.size());
  is_alone_ = is_alone_ || is_suspect;
  link_->connection().command(command,
                              is_suspect ? keep_alone(std::move(callback)) : std::move(callback));
}

// What is lost with a suspect may not be repeated, or has nobody who would.
OutcomeCallback Client::keep_alone(OutcomeCallback&& callback) {
  return [weak = weak_from_this(),
          shared = std::make_shared<OutcomeCallback>(std::move(callback))](Outcome&& outcome) {
    const bool was_answered = outcome.failure == Failure::none;
    (*shared)(std::move(outcome));
    if (const auto self = weak.lock()) self->end_of_suspicion(was_answered);
  };
}

void Client::end_of_suspicion(bool was_answered) {
  is_alone_ = false;
  if (was_answered) wary_of_ = 0;
  send_queued();
}

void Client::note_error_reply(const Reply& reply) {
  const bool is_elsewhere = connector_.note_reply(reply);
  if (events_.on_redirection) {
    const auto redirection = parse_redirection(reply, connector_.master());
    if (redirection && !redirection->is_asking) events_.on_redirection(*redirection);
  }
  if ((!is_elsewhere && !is_wrong_server(reply)) || !link_) return;
  // Posted: closing it here would answer the commands behind this one before it.
  asio::post(strand_,
             [link = link_, cause = reply.text] { link->close("Redis answered " + cause); });
}

void Client::send_queued() {
  if (queue_.empty()) return;
  const auto now = Clock::now();
  while (can_send() && (queue_.has_control() || has_room_to_write())) {
    auto queued = queue_.pop();
    if (!queued) return;
    if (queued->deadline <= now) {
      queued->callback(Outcome{Failure::expired});
      continue;
    }
    hand_over(queued->command, std::move(queued->callback));
  }
}

void Client::expire_queued(TimePoint now) {
  for (QueuedCommand& expired : queue_.take_expired(now)) {
    expired.callback(Outcome{Failure::expired});
  }
}

// Once per outage and cause; causes may take turns.
void Client::log_trouble(const std::string& cause, const std::string& text) {
  constexpr std::size_t enough = 32;
  if (known_causes_.size() >= enough) known_causes_.clear();
  const bool is_news = known_causes_.insert(cause).second;
  if (is_news) trouble_is_logged_ = true;
  log(is_news ? LogLevel::warning : LogLevel::debug, text);
}

void Client::log(LogLevel level, const std::string& text) const {
  log_(level, "redis (" + name_ + "): " + text);
}

}  // namespace mesh::redis
