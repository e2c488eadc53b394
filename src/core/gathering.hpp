#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <mesh/detail/gather.hpp>
#include <mesh/node.hpp>

#include <async/event.hpp>
#include <async/strand.hpp>
#include <core/outbox.hpp>

namespace mesh::core {

/// The calls of one message to many nodes, and what came of them so far. All members must be called
/// on the strand.
class Gathering {
 public:
  using Result = detail::RawGathered;

  struct Context {
    Strand strand;
    std::size_t enough = 0;  ///< Responses after which the other calls are given up; 0: never.
    TimePoint begins_until{};
    /// Gives up a call.
    std::function<void(CallControl& control)> cancel{};
    /// Why the calls could not begin in time.
    std::function<std::exception_ptr()> why_not_begun{};
    /// Told once that all calls have ended, or what kept them from beginning.
    std::function<void(const std::exception_ptr& error)> on_end{};
  };

  explicit Gathering(Context context);
  Gathering(const Gathering&) = delete;
  Gathering& operator=(const Gathering&) = delete;

  bool is_open() const { return state_ == State::waiting; }
  bool is_late(TimePoint now) const { return now >= context_.begins_until; }
  void fail_late() { fail(context_.why_not_begun()); }
  /// A call that is about to begin, if it is still to.
  void add(const std::shared_ptr<CallControl>& control);
  void on_ended(Result&& result);
  /// All have been added.
  void close();
  /// There will be none.
  void fail(std::exception_ptr error);
  /// Gives up what has not ended.
  void cancel();

  /// The next result, in the order in which they came; nothing behind the last one. Throws what
  /// kept the calls from beginning. Cancelling it gives up nothing.
  asio::awaitable<std::optional<Result>> next();
  /// All that have not been taken. Cancelling it gives up the rest.
  asio::awaitable<std::vector<Result>> rest();

 private:
  enum class State { waiting, begun, failed };

  bool has_ended() const { return state_ == State::begun && pending_ == 0; }
  void tell_end();
  void cancel_calls();

  Context context_;
  State state_ = State::waiting;
  bool is_cancelled_ = false;
  std::exception_ptr error_;
  std::vector<std::shared_ptr<CallControl>> controls_;
  std::size_t pending_ = 0;
  std::size_t responses_ = 0;
  std::deque<Result> results_;
  Event changed_;
};

}  // namespace mesh::core
