#pragma once

#include <list>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <async/strand.hpp>

namespace mesh {

/// Wakes coroutines that wait for a condition. All members must be called on the strand. Waiters
/// check their condition again after each wake-up.
class Event {
 public:
  explicit Event(Strand strand) : strand_(std::move(strand)) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void notify_all();

  /// False if nobody notified until the deadline. Throws `system_error` if cancelled. The event
  /// must outlive the wait.
  asio::awaitable<bool> wait_until(TimePoint deadline);

 private:
  Strand strand_;
  std::list<asio::steady_timer*> waiters_;
};

}  // namespace mesh
