#include <leader/leader_driver.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <optional>
#include <utility>

#include <mesh/errors.hpp>
#include <scripts/acquire_leadership.lua.hpp>
#include <scripts/release_leadership.lua.hpp>
#include <scripts/renew_leadership.lua.hpp>

#include <util/describe_error.hpp>
#include <util/uuid.hpp>

namespace mesh::leader {

namespace {

// Timers stand still with the machine; whoever waits for one looks at the lease again.
TimePoint timer_time(Lease::TimePoint time) { return Clock::now() + (time - BootClock::now()); }

/// For people.
std::string time_after(std::chrono::milliseconds wait) {
  const std::time_t time =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + wait);
  std::tm parts{};
  std::array<char, 64> text{};
  if (gmtime_r(&time, &parts) == nullptr ||
      std::strftime(text.data(), text.size(), "%F %T UTC", &parts) == 0) {
    return "then";
  }
  return text.data();
}

}  // namespace

LeaderDriver::LeaderDriver(LeaderContext context, const LeaderOptions& options)
    : context_(std::move(context)),
      options_(options),
      lease_(options),
      acquire_(scripts::acquire_leadership),
      renew_(scripts::renew_leadership),
      release_(scripts::release_leadership),
      changed_(context_.strand),
      election_(context_.strand,
                [log = context_.log](const std::exception_ptr& error) {
                  log(LogLevel::error, "the election ended: " + describe_error(error));
                }),
      callbacks_(
          context_.strand, context_.executor,
          [log = context_.log](const std::exception_ptr& error) {
            log(LogLevel::error, "a leader callback threw: " + describe_error(error));
          },
          context_.gate) {}

void LeaderDriver::start() {
  lease_ = Lease(options_);
  // A new one, so that a late release of an earlier term cannot free the lock of this one.
  lock_value_ = UuidGenerator().next();
  failing_ = false;
  barred_ = false;
  election_.spawn(run(shared_from_this()));
}

asio::awaitable<void> LeaderDriver::stop(TimePoint callbacks_deadline, TimePoint deadline) {
  const auto self = shared_from_this();
  co_await resign(callbacks_deadline, deadline);
  co_await release(deadline);
}

asio::awaitable<void> LeaderDriver::resign(TimePoint callbacks_deadline, TimePoint deadline) {
  const auto self = shared_from_this();
  election_.cancel_all();
  co_await election_.join_until(deadline);
  apply(lease_.on_resigned());
  if (!co_await callbacks_.drain_until(callbacks_deadline)) callbacks_.abandon();
}

void LeaderDriver::abandon() {
  election_.cancel_all();
  callbacks_.abandon();
  lease_.on_resigned();
  leads_until_ = 0;
  context_.client->set_leading(std::nullopt);
}

bool LeaderDriver::is_leader() const noexcept {
  return BootClock::now().time_since_epoch().count() < leads_until_.load();
}

std::int64_t LeaderDriver::fencing_token() const noexcept {
  const auto token = token_.load();
  return is_leader() ? token : 0;
}

void LeaderDriver::set_became_leader_callback(detail::AsyncCallback<> callback) {
  became_leader_ = std::move(callback);
}

void LeaderDriver::set_lost_leader_callback(detail::AsyncCallback<> callback) {
  lost_leader_ = std::move(callback);
}

void LeaderDriver::on_lock_lost() {
  apply(lease_.on_refused(BootClock::now()));
  changed_.notify_all();
}

void LeaderDriver::on_lock_seen(bool is_held_by_another) {
  is_held_by_another_ = is_held_by_another;
  lease_.on_seen(BootClock::now(), is_held_by_another);
  changed_.notify_all();
}

void LeaderDriver::on_reconnected() {
  lease_.on_reconnected(BootClock::now());
  changed_.notify_all();
}

asio::awaitable<void> LeaderDriver::run(std::shared_ptr<LeaderDriver> /*self*/) {
  for (;;) {
    apply(lease_.on_time(BootClock::now()));
    if (lease_.is_attempt_due(BootClock::now())) {
      co_await attempt();
    } else {
      co_await changed_.wait_until(timer_time(lease_.next_event(BootClock::now())));
    }
  }
}

asio::awaitable<void> LeaderDriver::attempt() {
  const auto sent_at = BootClock::now();
  const auto kind = lease_.next_attempt();
  std::optional<std::int64_t> answer;
  std::string failure;
  try {
    answer = co_await ask(kind, sent_at);
  } catch (const MeshError& error) {
    failure = error.what();
  }
  if (answer && *answer > 0 && kind == Lease::Attempt::acquire) {
    const bool is_valid = co_await is_grant_valid(sent_at);
    if (!is_valid) {
      answer.reset();
      failure = "the lock was granted by a Redis that is the master no more, or is lost already";
    }
  }
  const auto now = BootClock::now();
  if (!answer) {
    note_failure(failure);
    apply(lease_.on_failed(now));
    co_return;
  }
  failing_ = false;
  if (*answer <= 0) {
    const std::chrono::milliseconds wait(-*answer);
    note_refusal(wait);
    apply(wait.count() == 0 ? lease_.on_refused(now) : lease_.on_barred(now, wait));
    co_return;
  }
  barred_ = false;
  if (kind == Lease::Attempt::renew) {
    apply(lease_.on_renewed(sent_at, now));
  } else {
    newest_token_ = *answer;
    apply(lease_.on_granted(sent_at, now));
  }
}

asio::awaitable<std::int64_t> LeaderDriver::ask(Lease::Attempt attempt, Lease::TimePoint sent_at) {
  const auto deadline = timer_time(lease_.answer_deadline(sent_at));
  const bool is_renewal = attempt == Lease::Attempt::renew;
  std::vector<std::string> keys{context_.lock_key};
  std::vector<std::string> arguments{lock_value_, std::to_string(options_.ttl.count())};
  if (!is_renewal) {
    keys.push_back(context_.lock_key + ":fencing_token");
    arguments.push_back(options_.wait_after_data_loss ? arguments.back() : "0");
  }
  keys.push_back(last_term_key());
  redis::Script& script = is_renewal ? renew_ : acquire_;
  const redis::Reply reply =
      co_await script.run(*context_.client, std::move(keys), std::move(arguments), deadline);
  co_return reply.integer;
}

// A master that was replaced and does not know grants the lock as well, which may be free there
// after its holder has moved.
asio::awaitable<bool> LeaderDriver::is_grant_valid(Lease::TimePoint sent_at) {
  // Sentinels that hang must leave some of the lease.
  const auto latest = std::min<Lease::TimePoint>(lease_.answer_deadline(sent_at),
                                                 BootClock::now() + options_.ttl / 3);
  is_held_by_another_ = false;
  const bool is_at_master = co_await context_.client->confirm_master(timer_time(latest));
  co_return is_at_master && !is_held_by_another_;
}

asio::awaitable<void> LeaderDriver::release(TimePoint deadline) {
  const auto self = shared_from_this();
  if (!context_.client->is_ready()) co_return;
  std::vector<std::string> keys{context_.lock_key, last_term_key()};
  std::vector<std::string> arguments{lock_value_};
  try {
    co_await release_.run(*context_.client, std::move(keys), std::move(arguments), deadline);
  } catch (const MeshError& error) {
    context_.log(LogLevel::warning,
                 std::string("the leader lock is left to run out: ") + error.what());
  }
}

void LeaderDriver::apply(Lease::Change change) {
  const auto ends_at = lease_.ends_at();
  if (change == Lease::Change::won) token_ = newest_token_;
  leads_until_ = ends_at ? ends_at->time_since_epoch().count() : 0;
  context_.client->set_leading(ends_at ? std::optional(options_.ttl) : std::nullopt);
  if (change == Lease::Change::none) return;
  const bool won = change == Lease::Change::won;
  context_.log(LogLevel::info,
               (won ? "became leader of " : "is no longer leader of ") + context_.lock_key);
  const detail::AsyncCallback<>& callback = won ? became_leader_ : lost_leader_;
  if (callback) callbacks_.push(callback);
}

void LeaderDriver::note_refusal(std::chrono::milliseconds wait) {
  const bool is_barred = wait.count() > 0;
  if (std::exchange(barred_, is_barred) || !is_barred) return;
  // What takes no longer than any change of leaders is nothing to worry about.
  const bool is_long = wait > options_.retry_delay;
  context_.log(
      is_long ? LogLevel::warning : LogLevel::info,
      "nobody may lead " + context_.lock_key + " for another " + std::to_string(wait.count()) +
          " ms, until " + time_after(wait) +
          ": this Redis is new, was restarted, has lost the lock, or knows only leaders in "
          "TypeScript, and an earlier leader may go on until then; "
          "LeaderOptions::wait_after_data_loss = false skips the wait");
}

void LeaderDriver::note_failure(const std::string& cause) {
  if (!std::exchange(failing_, true)) {
    context_.log(LogLevel::warning, "the election of " + context_.lock_key + " failed: " + cause);
  }
}

}  // namespace mesh::leader
