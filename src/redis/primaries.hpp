#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include <boost/asio/awaitable.hpp>
#include <mesh/log.hpp>
#include <mesh/options.hpp>

#include <async/strand.hpp>
#include <async/task_group.hpp>
#include <redis/client.hpp>
#include <redis/redirection.hpp>
#include <redis/slot_map.hpp>
#include <redis/slot_table.hpp>
#include <util/lazy_random.hpp>

namespace mesh::redis {

/// Connections to the primaries of a cluster, one for each that is in use. A command may be
/// answered with a redirection, as slots move; then `of()` gives another connection for it. All
/// members must be called on the strand.
class Primaries : public std::enable_shared_from_this<Primaries> {
 public:
  /// As of `Client`, of each connection that is opened here.
  struct Events {
    std::function<void()> before_write;
    std::function<void()> on_lost;
    /// There for the first time or again. Before queued commands.
    std::function<void()> on_ready;
    /// Before that: it was made anew, or is a new one in place of another.
    std::function<void()> on_reconnected;
    /// A node of the cluster has told which others there are.
    std::function<void(const SlotMap& map)> on_nodes;
  };

  /// `first` is there anyway, with this slot. Its owner opens and closes it, and reports its events
  /// by the `on_…` members.
  Primaries(Strand strand, RedisOptions options, std::size_t queued_bytes, LogSink log,
            std::shared_ptr<Client> first, std::uint16_t first_slot);
  Primaries(const Primaries&) = delete;
  Primaries& operator=(const Primaries&) = delete;

  /// Before the first `of()`.
  void set_events(Events events) { events_ = std::move(events); }
  /// See `Client::count_waiting()`; for those that are made from now on.
  void count_waiting(std::shared_ptr<StrandGauge> gauge) { bytes_waiting_ = std::move(gauge); }

  /// The connection that leads, or will lead, to the primary of the slot; opened if there is none.
  /// To be used at once, as it is closed some time after it has become superfluous. While nothing
  /// is known about the slot it may lead to another primary, which answers with a redirection.
  const std::shared_ptr<Client>& of(std::uint16_t slot) {
    const SlotTable::Place place = table_.place_of(slot);
    return place == SlotTable::nowhere ? add(slot) : members_[place].client;
  }

  /// After `close()` and `join_until()`, and at first: with no connection but `first`. From then on
  /// all primaries are asked now and then where their slots are.
  void open();
  /// Whether all has been where it is since then, as far as is known.
  bool is_settled_since(TimePoint time) const { return changed_at_ < time; }

  void on_redirection(const Redirection& redirection);
  void on_slots(const SlotMap& map);
  /// `first` is ready, or was lost.
  void on_first_changed();

  /// Returns when everything that was sent has been answered, or at the deadline. What waits for a
  /// connection that was lost, or cannot be made, is not waited for.
  asio::awaitable<void> wait_answered(TimePoint deadline);
  /// All but `first`. What is submitted afterwards is refused.
  void close();
  /// False if the internal coroutines had not ended by the deadline. After `close()`.
  asio::awaitable<bool> join_until(TimePoint deadline);

  /// How many connections there are, with `first` and those that are not closed yet.
  std::size_t size() const;

 private:
  struct Member {
    std::shared_ptr<Client> client{};
    bool is_first_time = true;
  };

  const std::shared_ptr<Client>& add(std::uint16_t slot);
  asio::awaitable<void> ask_now_and_then(std::shared_ptr<Primaries> self);
  void ask_all();
  void ask(const std::shared_ptr<Client>& client);
  void on_told(const Client& teller, const Reply& reply);
  void learn_nodes(const SlotMap& map);
  void on_moved();
  void on_member_changed(SlotTable::Place place);
  void close_superfluous();
  asio::awaitable<void> close_when_idle(std::shared_ptr<Primaries> self);

  Strand strand_;
  RedisOptions options_;
  std::size_t queued_bytes_;
  LogSink log_;
  Events events_;
  std::shared_ptr<StrandGauge> bytes_waiting_;
  TaskGroup tasks_;
  std::uint16_t first_slot_;
  SlotTable table_;
  LazyRandom random_;
  std::deque<Member> members_;  // by place; references to them stay valid
  TimePoint changed_at_{};
  bool is_closed_ = false;
  bool is_closing_some_ = false;
};

}  // namespace mesh::redis
