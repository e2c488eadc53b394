#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <mesh/detail/abi.hpp>
#include <mesh/detail/callback.hpp>
#include <mesh/detail/void_operation.hpp>
#include <mesh/log.hpp>
#include <mesh/options.hpp>

namespace mesh {

namespace detail {
class CoreHandle;
}
namespace leader {
class Election;
}

/// Elects one leader among all processes that use the same key on the same Redis.
///
/// The lock is the string key `{mutex_prefix}:leader:{key}` holding a random uuid with a time to
/// live. The leader renews it; if it cannot, the lock runs out and another process takes it.
/// Leadership is judged by the local monotonic clock, on Linux by one that goes on while the
/// machine is suspended, from the moment the last successful renewal was *sent*, minus a margin of
/// a twentieth of `ttl`, so `is_leader()` turns false before anyone else leads. Where Redis has
/// lost the lock, and on a new Redis, the election takes one `ttl`, and a warning says until when:
/// see `LeaderOptions::wait_after_data_loss`. A process that was frozen may still be about to act
/// on an old answer: pass `fencing_token()` to the resources you guard where that matters.
///
/// All members may be called from any thread. Destroying a running service abandons the election
/// without waiting; the lock then runs out by itself. Prefer `stop()`.
class LeaderService {
 public:
  /// Uses the Redis that `RedisOptions::from_env("MUTEX")` names. Does no I/O. Throws
  /// `std::invalid_argument` for an empty key, wrong options or malformed variables.
  LeaderService(boost::asio::any_io_executor executor, std::string key, LeaderOptions options = {})
      : LeaderService(std::move(executor), std::move(key), options,
                      RedisOptions::from_env("MUTEX")) {}

  /// Uses the given Redis. Does no I/O. Throws `std::invalid_argument` for an empty key or wrong
  /// options.
  LeaderService(boost::asio::any_io_executor executor, std::string key, LeaderOptions options,
                const RedisOptions& redis, LogSink log = stderr_log_sink())
      : LeaderService(make_election(std::move(executor), key, options, redis, std::move(log))) {
    detail::require_the_librarys_settings();
  }
  ~LeaderService();
  LeaderService(const LeaderService&) = delete;
  LeaderService& operator=(const LeaderService&) = delete;

  /// Begins to take part in the election, in the background; connection faults are logged and
  /// retried. Throws `MeshAlreadyRunningError` unless stopped, `std::logic_error` if this election
  /// belongs to a mesh.
  void start();

  /// Withdraws: runs the lost-leader callback if this was the leader, then releases the lock and
  /// closes the connection. Never throws for lost connections, ends within 5 s, and does nothing
  /// if not started. Not cancellable. Do not await it in a callback, which it waits for.
  template <typename CompletionToken = boost::asio::use_awaitable_t<>>
  auto stop(CompletionToken&& token = {}) {
    return detail::initiate<CompletionToken>(
        [election = election_](detail::VoidCompletion completion) {
          async_stop(election, std::move(completion));
        },
        token);
  }

  /// True while this process certainly holds the lock.
  bool is_leader() const noexcept;

  /// A number that grows with each change of leader and identifies this term; 0 when not leading.
  std::int64_t fencing_token() const noexcept;

  /// Called, plainly or as a coroutine, on the service's executor after leadership was won.
  /// Callbacks run one after the other in the order of events; what they throw is logged.
  template <detail::VoidCallback<> Function>
  void set_became_leader_callback(Function callback) {
    assign_became_leader(detail::make_async_callback<>(std::move(callback)));
  }

  /// As above, after leadership ended, for whatever reason.
  template <detail::VoidCallback<> Function>
  void set_lost_leader_callback(Function callback) {
    assign_lost_leader(detail::make_async_callback<>(std::move(callback)));
  }

 private:
  friend class detail::CoreHandle;

  explicit LeaderService(std::shared_ptr<leader::Election> election);
  static std::shared_ptr<leader::Election> make_election(boost::asio::any_io_executor executor,
                                                         const std::string& key,
                                                         const LeaderOptions& options,
                                                         const RedisOptions& redis, LogSink log);
  static void async_stop(const std::shared_ptr<leader::Election>& election,
                         detail::VoidCompletion completion);
  void assign_became_leader(detail::AsyncCallback<> callback);
  void assign_lost_leader(detail::AsyncCallback<> callback);

  std::shared_ptr<leader::Election> election_;
};

}  // namespace mesh
