#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <mesh/errors.hpp>
#include <mesh/log.hpp>
#include <mesh/options.hpp>

#include <async/event.hpp>
#include <async/strand.hpp>
#include <async/task_group.hpp>
#include <redis/channel_kind.hpp>
#include <redis/command.hpp>
#include <redis/command_queue.hpp>
#include <redis/connect.hpp>
#include <redis/link.hpp>
#include <redis/master_watch.hpp>
#include <redis/redirection.hpp>
#include <redis/reply_scanner.hpp>
#include <redis/slot_map.hpp>
#include <util/lazy_random.hpp>
#include <util/strand_gauge.hpp>

namespace mesh::redis {

/// A connection that restores itself: it connects, authenticates, subscribes again, checks its
/// health, and reconnects with back-off until closed. Commands issued while it is not ready wait
/// for it. All members must be called on the strand; the owner closes it.
class Client : public std::enable_shared_from_this<Client> {
 public:
  struct Events {
    std::function<void()>
        on_ready;  ///< (Re)connected and subscribed again, before queued commands.
    /// The connection is about to write, or a command other than by `publish()` to be handed to it;
    /// what is published meanwhile leaves with the one, and before the other.
    std::function<void()> before_write;
    std::function<void()> on_lost;  ///< What is submitted meanwhile waits for the next connection.
    Link::MessageCallback on_message;
    std::size_t largest_message = ReplyScanner::largest_reply;
    Link::OversizedCallback on_oversized;  ///< In place of `on_message`.
    /// In a cluster: a slot, which need not be the client's, is elsewhere for good.
    std::function<void(const Redirection& redirection)> on_redirection;
    /// In a cluster: where the slots are, as was asked on connecting.
    std::function<void(const SlotMap& map)> on_slots;
  };

  /// `name` says in log lines what the connection is for. Clients of one node share a watch, which
  /// must be on the same strand; without it the client has its own. In a cluster all keys must be
  /// in the slot.
  Client(Strand strand, RedisOptions options, std::string name, std::size_t queued_bytes,
         LogSink log, std::shared_ptr<MasterWatch> master_watch = nullptr, std::uint16_t slot = 0);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void set_events(Events events);
  /// Has the gauge tell, together with what others add to it, how many bytes of commands wait for
  /// this connection or for its turn. Before anything waits.
  void count_waiting(std::shared_ptr<StrandGauge> gauge) { queue_.count_bytes(std::move(gauge)); }

  /// Begins to connect.
  void open();
  /// In a cluster it belongs to this slot from now on, and connects anew where it was connected.
  /// There must be no subscriptions.
  void lead_to(std::uint16_t slot);
  /// In a cluster: somebody has asked where the slots are. Its nodes are asked when it has to
  /// connect anew.
  void learn_nodes(const SlotMap& map) { connector_.learn_nodes(map); }
  /// Fails everything that waits and disconnects. Commands are refused until `open()`. Forgets the
  /// subscriptions.
  void close();
  /// False if the internal coroutines had not ended by the deadline. After `close()`.
  asio::awaitable<bool> join_until(TimePoint deadline);

  bool is_ready() const { return ready_; }
  /// It was lost, or attempts fail; not while the first one is under way.
  bool is_in_trouble() const { return !ready_ && last_error_.has_value(); }
  /// In a cluster: the primary, by the name that the cluster gives it; nothing while not ready.
  std::optional<Endpoint> connected_to() const;
  /// Whether no command waits for its turn, its reply or its repetition.
  bool is_idle() const;
  /// Whether a command would leave at once, instead of waiting for the connection.
  bool can_send() const;
  /// For what was not sent while there was no connection: a `MeshConnectionError` with the cause.
  std::exception_ptr not_sent_error() const;
  /// For what has been lost with the connection as often as convicts it of its size: a
  /// `MeshConnectionError`.
  std::exception_ptr too_large_error(std::size_t size) const;
  /// Whether it has been ready since then, without a break.
  bool is_ready_since(TimePoint time) const { return ready_ && ready_since_ <= time; }
  /// Gives the connection up, as if it had been lost for this reason.
  void reconnect(const std::string& cause);

  /// Waits for the first connection. Throws `MeshConnectionError` as soon as an attempt has failed
  /// for a reason that does not pass by itself, or when the deadline has passed, `MeshStoppedError`
  /// if closed. Where attempts may fail, it throws the last reason at the deadline.
  asio::awaitable<void> wait_ready(TimePoint deadline, bool attempts_may_fail = false);
  /// Whether all Sentinels, or nodes of a cluster, that answer by the deadline, and latest after
  /// `connect_timeout`, agree that this is the connection to the master; true also where none does
  /// or there is none. False if it closes meanwhile. If Sentinel names another master, the
  /// connections move there.
  asio::awaitable<bool> confirm_master(TimePoint deadline);
  /// By a lock that lives so long without renewal; nothing if this node does not lead.
  void set_leading(std::optional<std::chrono::milliseconds> ttl) {
    master_watch_->set_leading(ttl);
  }
  /// Of the channels: in a cluster they are sharded, so they must be in the slot too.
  ChannelKind channel_kind() const { return connector_.channel_kind(); }
  /// Where Redis is, for people; without user and password.
  std::string location() const;

  /// Sends the command, or queues it until the deadline while disconnected, or while so much
  /// payload is unwritten that upkeep would wait for it. Payload that is queued or that Redis has
  /// not answered may not exceed `queued_bytes`; control commands have a reserve and go first. The
  /// callback runs exactly once, unless the client is destroyed.
  void submit(Command command, TimePoint deadline, OutcomeCallback&& callback,
              Priority priority = Priority::payload);
  /// The same for a command about keys of the connection's own slot. On a cluster it is sent again
  /// until the deadline while the slot is on its way, as by `execute()`; a `close()` meanwhile may
  /// leave the callback uncalled.
  void submit_to_slot(Command command, TimePoint deadline, OutcomeCallback&& callback);
  /// The same as `submit()` for `Command{words_of(channel_kind()).publish, channel, message}`, only
  /// quicker. It stands for so many messages when it is decided whether to write before the turn is
  /// over.
  void publish(std::string_view channel, std::string_view message, TimePoint deadline,
               OutcomeCallback&& callback, std::size_t messages = 1);
  /// Whether a message of this size would be handed to the connection, instead of waiting.
  bool can_publish_at_once(std::size_t size) const;
  /// Has `before_write` called at the end of this turn, or once what is being written has been; not
  /// if the connection is lost before.
  void want_write();

  /// The outcome, `Failure::expired` if none came until the deadline. While a cluster is rearranged
  /// the command is sent again until then, as it has not run.
  asio::awaitable<Outcome> execute(Command command, TimePoint deadline,
                                   Priority priority = Priority::control);

  /// The reply of an outcome that has a good one. Throws as `request()`; `what` names the command.
  Reply require_reply(Outcome outcome, const std::string& what) const;

  /// The reply, which is never an error reply. Throws `MeshConnectionError`, `MeshRedisError` or
  /// `MeshStoppedError`.
  asio::awaitable<Reply> request(Command command, TimePoint deadline,
                                 Priority priority = Priority::control);

  /// Subscribes now and after each reconnect. Throws as `request()`; while a cluster is rearranged,
  /// it is tried again until the deadline.
  asio::awaitable<void> subscribe(std::string channel, TimePoint deadline);

  /// Messages may still come for a moment. One subscription must remain.
  void unsubscribe(const std::string& channel);

 private:
  /// A command that is sent to wherever its slot is.
  struct Followed {
    Command command;
    TimePoint deadline;
    OutcomeCallback callback;
  };

  asio::awaitable<void> run(std::shared_ptr<Client> self);
  asio::awaitable<void> establish();
  asio::awaitable<std::string> watch(std::shared_ptr<Link> link);
  asio::awaitable<void> watch_master(std::shared_ptr<Client> self, std::shared_ptr<Link> link);

  asio::awaitable<Outcome> execute_once(Command command, TimePoint deadline, Priority priority);
  asio::awaitable<Outcome> execute_in_cluster(Command command, TimePoint deadline,
                                              Priority priority);
  asio::awaitable<std::shared_ptr<Link>> link_aside(Endpoint node, TimePoint latest);
  asio::awaitable<void> follow_slot(std::shared_ptr<Client> self,
                                    std::unique_ptr<Followed> followed);
  asio::awaitable<bool> wait_for_rest(std::shared_ptr<Link> link, TimePoint latest);
  asio::awaitable<void> restore_subscriptions(std::shared_ptr<Link> link, TimePoint deadline);
  asio::awaitable<void> subscribe_where_slot_is(std::string channel, TimePoint deadline);
  asio::awaitable<void> subscribe_at_primary(std::shared_ptr<Link> link,
                                             std::vector<std::string> channels, TimePoint deadline);
  asio::awaitable<void> require_primary(std::shared_ptr<Link> link, TimePoint deadline);
  bool has_lost_slot(const Link& link) const;
  bool has_room_for(std::size_t size) const;
  bool has_room_to_write() const;
  void hand_over(const Command& command, OutcomeCallback&& callback);
  bool is_suspicious(std::size_t size) const { return wary_of_ != 0 && size >= wary_of_; }
  OutcomeCallback keep_alone(OutcomeCallback&& callback);
  void end_of_suspicion(bool was_answered);
  void send_queued();
  void expire_queued(TimePoint now);
  void become_ready(std::shared_ptr<Link> link);
  void become_lost(const std::string& cause, bool is_trouble = true);
  void note_failed_attempt(const MeshConnectionError& error, bool is_passing);
  MeshConnectionError connection_error(const std::string& host, std::uint16_t port,
                                       const std::string& cause,
                                       Executed executed = Executed::no) const;
  MeshConnectionError connection_error(const std::string& cause,
                                       Executed executed = Executed::no) const;
  void note_error_reply(const Reply& reply);
  [[noreturn]] void throw_failure(Failure failure, std::size_t suspect_size = 0) const;
  void log_trouble(const std::string& cause, const std::string& text);
  void log(LogLevel level, const std::string& text) const;

  Strand strand_;
  RedisOptions options_;
  Connector connector_;
  std::shared_ptr<MasterWatch> master_watch_;
  std::string name_;
  LogSink log_;
  Events events_;
  TaskGroup tasks_;
  Event state_changed_;
  std::size_t queued_bytes_;
  CommandQueue queue_;
  std::size_t executing_ = 0;  // by `execute()`
  LazyRandom random_;
  std::size_t wary_of_ = 0;  // payload of this size may have ended the last connection
  bool is_alone_ = false;    // such payload waits for its reply, and other payload for it

  std::shared_ptr<Link> link_;   // set while ready
  std::shared_ptr<Link> aside_;  // to where the slot is moving, if it is
  Endpoint aside_node_;
  bool is_connecting_aside_ = false;
  std::set<std::string> channels_;
  bool open_ = false;
  bool ready_ = false;
  std::uint64_t attempts_failed_ = 0;  // without those whose reason passes
  std::optional<MeshConnectionError> last_error_;
  TimePoint ready_since_{};
  std::set<std::string> known_causes_;  // of trouble since there was a lasting connection
  bool trouble_is_logged_ = false;      // so that its end is, too
};

}  // namespace mesh::redis
