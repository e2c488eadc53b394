#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <mesh/detail/callback.hpp>
#include <mesh/detail/gate.hpp>
#include <mesh/log.hpp>
#include <mesh/options.hpp>

#include <async/event.hpp>
#include <async/serial_queue.hpp>
#include <async/strand.hpp>
#include <async/task_group.hpp>
#include <leader/lease.hpp>
#include <redis/client.hpp>
#include <redis/script.hpp>
#include <util/boot_clock.hpp>

namespace mesh::leader {

/// What an election needs of its surroundings.
struct LeaderContext {
  Strand strand;
  asio::any_io_executor executor;  ///< Where the callbacks run.
  std::shared_ptr<redis::Client> client;
  std::string lock_key;
  LogSink log;
  /// Of the callbacks.
  std::shared_ptr<const detail::Gate> gate = std::make_shared<detail::Gate>();
};

/// Runs an election: asks Redis when the lease says so, and tells the callbacks what changed.
/// `is_leader()` and `fencing_token()` may be called from any thread, everything else on the
/// strand.
class LeaderDriver : public std::enable_shared_from_this<LeaderDriver> {
 public:
  LeaderDriver(LeaderContext context, const LeaderOptions& options);
  LeaderDriver(const LeaderDriver&) = delete;
  LeaderDriver& operator=(const LeaderDriver&) = delete;

  void start();
  /// Resigns, gives the callbacks until their deadline to end, and frees the lock, as far as that
  /// is done by the deadline. Does not throw.
  asio::awaitable<void> stop(TimePoint callbacks_deadline, TimePoint deadline);
  /// The two halves of `stop()`; only the second one waits for Redis.
  asio::awaitable<void> resign(TimePoint callbacks_deadline, TimePoint deadline);
  asio::awaitable<void> release(TimePoint deadline);
  /// Ends the election without a word to anyone.
  void abandon();

  bool is_leader() const noexcept;
  std::int64_t fencing_token() const noexcept;
  /// What the lock holds while this process leads.
  const std::string& lock_value() const { return lock_value_; }

  void set_became_leader_callback(detail::AsyncCallback<> callback);
  void set_lost_leader_callback(detail::AsyncCallback<> callback);

  /// To be called when someone saw that the lock is not ours any more.
  void on_lock_lost();
  /// To be called when someone saw whether another holds the lock.
  void on_lock_seen(bool is_held_by_another);
  /// To be called when the client has connected again.
  void on_reconnected();

 private:
  asio::awaitable<void> run(std::shared_ptr<LeaderDriver> self);
  asio::awaitable<void> attempt();
  asio::awaitable<std::int64_t> ask(Lease::Attempt attempt, Lease::TimePoint sent_at);
  asio::awaitable<bool> is_grant_valid(Lease::TimePoint sent_at);
  std::string last_term_key() const { return context_.lock_key + ":last_term"; }
  void apply(Lease::Change change);
  void note_refusal(std::chrono::milliseconds wait);
  void note_failure(const std::string& cause);

  LeaderContext context_;
  LeaderOptions options_;
  Lease lease_;
  std::string lock_value_;
  redis::Script acquire_;
  redis::Script renew_;
  redis::Script release_;
  Event changed_;
  TaskGroup election_;
  SerialQueue callbacks_;
  detail::AsyncCallback<> became_leader_;
  detail::AsyncCallback<> lost_leader_;
  std::int64_t newest_token_ = 0;
  bool is_held_by_another_ = false;  // the lock, as was seen last
  bool failing_ = false;
  bool barred_ = false;                         // as was logged
  std::atomic<BootClock::rep> leads_until_{0};  // 0: does not lead
  std::atomic<std::int64_t> token_{0};
};

}  // namespace mesh::leader
