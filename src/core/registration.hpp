#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/awaitable.hpp>
#include <mesh/log.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>

#include <async/alarm.hpp>
#include <async/event.hpp>
#include <async/strand.hpp>
#include <core/cleanup.hpp>
#include <core/inbox.hpp>
#include <core/keys.hpp>
#include <core/registry.hpp>
#include <core/return_window.hpp>
#include <leader/leader_driver.hpp>
#include <redis/client.hpp>
#include <util/rate_limited_log.hpp>

namespace mesh::core {

/// This node's place in the list of nodes: takes an id, keeps it by heartbeats, takes another where
/// it was lost, and gives it up. The leader's duty and what followers hear of the lock go along
/// with the heartbeats. All members must be called on the strand.
class Registration {
 public:
  struct Context {
    Strand strand;
    std::shared_ptr<redis::Client> commands;
    std::shared_ptr<redis::Client> subscriptions;
    std::shared_ptr<redis::Client> own_channel;
    Keys keys;
    std::chrono::milliseconds heartbeat_interval{0};
    std::chrono::milliseconds node_ttl{0};
    std::chrono::milliseconds connect_timeout{0};
    std::chrono::milliseconds reconnect_max_delay{0};
    LeaderOptions leader;
    /// The leader is elected on another Redis than that of the mesh.
    bool is_election_elsewhere = false;
    LogSink log;
    /// What this node says of itself, as JSON, where that is what its owner key holds.
    std::function<std::string(const std::string& owner)> info;
    /// Whether somebody wants to know of each heartbeat what the list of nodes then was, and is
    /// told.
    std::function<bool()> wants_list_state;
    std::function<void(const view::ListState& state)> on_list_state;
    /// Tells an id that will be that of the node unless another one is taken yet.
    std::function<void(InstanceId)> on_claimed;
    /// Tells the id of the node, each time that it has a new one.
    std::function<void(InstanceId)> on_id;
    /// The node had been removed while it was alive.
    std::function<void()> on_reregistered;
    /// Called after that where the node has another id.
    std::function<void()> on_moved;
  };

  Registration(Context context, const std::atomic<InstanceId>& own_id,
               std::shared_ptr<Registry> registry, std::shared_ptr<leader::LeaderDriver> leader,
               std::shared_ptr<Cleanup> cleanup, Inbox& inbox);
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

  /// Before the connections are opened for a new start.
  void reset();
  /// Takes an id, subscribes and registers.
  asio::awaitable<InstanceId> join(TimePoint deadline);
  /// Sends heartbeats until cancelled.
  asio::awaitable<void> keep();
  /// The connection for commands was made anew: Redis may have lost the registration with it.
  void on_reconnected();
  /// What it says of itself is another now, and perhaps again in a moment.
  void on_info_changed();
  /// From now on the node is not listed, but still owns its id.
  void begin_to_leave();
  /// No more messages are to come.
  void unsubscribe();
  /// Leaves the list; what cannot be removed by the deadline is left for the leader.
  asio::awaitable<void> leave(TimePoint deadline);

 private:
  asio::awaitable<void> listen(InstanceId id, TimePoint deadline);
  asio::awaitable<void> send_heartbeat();
  asio::awaitable<Registry::Heartbeat> register_or_prolong(InstanceId id, TimePoint deadline);
  void note_info(const std::string& sent, const Registry::Heartbeat& found);
  asio::awaitable<void> look_after_channel();
  void on_unheard(TimePoint asked_at);
  asio::awaitable<void> send_leaving_heartbeat();
  asio::awaitable<void> move_to_new_id();
  asio::awaitable<void> clean_up();
  bool others_may_return() const;
  void note_leader(std::optional<bool> another_leads);
  Registry::Mandate mandate() const;

  Context context_;
  const std::atomic<InstanceId>& own_id_;
  std::shared_ptr<Registry> registry_;
  std::shared_ptr<leader::LeaderDriver> leader_;
  std::shared_ptr<Cleanup> cleanup_;
  Inbox& inbox_;
  RateLimitedLog log_;
  RateLimitedLog place_log_;  // of the election
  RateLimitedLog token_log_;
  RateLimitedLog info_log_;
  Event heartbeat_due_;
  Alarm info_due_;
  bool info_is_due_ = false;  // to be told by a heartbeat at once
  bool info_is_due_soon_ = false;
  std::string announced_info_;  // what Redis has, as far as is known
  unsigned beats_since_info_ = 0;
  unsigned beats_ = 0;
  ReturnWindow after_reconnect_;  // of the connection for commands
  ReturnWindow after_refusal_;    // of a heartbeat, by Redis
  bool must_move_ = false;        // to a new id, as soon as there is one
  bool leaving_ = false;
  InstanceId claimed_id_ = 0;  // from before it is registered until after it is unregistered
};

}  // namespace mesh::core
