#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <mesh/log.hpp>
#include <mesh/node.hpp>

#include <async/event.hpp>
#include <async/strand.hpp>
#include <redis/client.hpp>
#include <util/lazy_random.hpp>
#include <util/rate_limited_log.hpp>
#include <view/list_state.hpp>
#include <view/node_view.hpp>

namespace mesh::view {

/// Keeps a `NodeView` up to date once somebody wants it: hears announcements, has what heartbeats
/// say of the list compared with it, and reads the list where that is needed. All members must be
/// called on the strand.
class LocalView {
 public:
  struct Context {
    Strand strand;
    std::shared_ptr<redis::Client> subscriptions;
    std::string channel;                    ///< Of announcements.
    std::chrono::milliseconds interval{0};  ///< Of heartbeats.
    std::chrono::milliseconds node_ttl{0};
    std::chrono::milliseconds reconnect_max_delay{0};
    std::chrono::milliseconds timeout{0};  ///< Of reading the list.
    LogSink log;
    /// Reads the list; the node with this id is `self`.
    std::function<asio::awaitable<Listing>(InstanceId self, TimePoint deadline)> list;
  };
  struct Events {
    std::function<void(const NodeView::Changes& changes)> on_changes;
    std::function<void()> on_updated;  ///< After that, and where a node says something else.
  };

  explicit LocalView(Context context);
  LocalView(const LocalView&) = delete;
  LocalView& operator=(const LocalView&) = delete;

  void set_events(Events events) { events_ = std::move(events); }

  /// Good until the next change.
  const NodeView& nodes() const { return view_; }
  /// Why the list could not be read the last time; null if it could.
  const std::exception_ptr& error() const { return error_; }

  /// From now on it is to run. True if it was not wanted before.
  bool want() { return !std::exchange(is_wanted_, true); }
  bool is_wanted() const { return is_wanted_; }
  /// Until cancelled.
  asio::awaitable<void> run(std::shared_ptr<LocalView> self);
  void forget();

  void on_announcement(std::string_view payload);
  void on_heartbeat(const ListState& state);
  /// Redis was away or has lost data: the others may need a moment to be on the list again.
  void doubt_list();
  /// Announcements may have been missed.
  void on_subscribed_again();
  /// Of this node, as soon as it is claimed.
  void set_own_id(InstanceId id);
  InstanceId own_id() const { return own_id_; }

 private:
  /// A heartbeat that saw another list than is known here.
  struct Dispute {
    ListState state{};
    bool is_silence = false;  // of nodes whom nobody has removed for a while
  };

  asio::awaitable<void> read_list();
  asio::awaitable<void> wait_for_news(bool has_failed);
  TimePoint next_look() const;
  void settle_dispute();
  void report(const NodeView::Changes& changes, std::uint64_t generation_before);

  Context context_;
  Events events_;
  NodeView view_;
  std::exception_ptr error_;
  std::optional<Dispute> dispute_;
  InstanceId own_id_ = 0;
  std::optional<TimePoint> silent_ones_since_;  // whom heartbeats saw and the view does not know
  TimePoint last_state_at_{};                   // when a heartbeat told of the list,
  TimePoint last_list_at_{};                    // and when it was read
  bool is_wanted_ = false;
  bool is_running_ = false;
  Event news_;
  LazyRandom random_;
  std::uniform_int_distribution<int> jitter_;  // in ms
  RateLimitedLog log_;
};

}  // namespace mesh::view
