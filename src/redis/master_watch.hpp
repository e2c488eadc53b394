#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <mesh/options.hpp>

#include <async/event.hpp>
#include <async/strand.hpp>
#include <redis/connect.hpp>
#include <redis/endpoint.hpp>
#include <redis/inquiry_pace.hpp>
#include <redis/link.hpp>
#include <redis/sentinel_rotation.hpp>
#include <util/lazy_random.hpp>

namespace mesh::redis {

/// Asks the Sentinels from time to time whether the master that a node is connected to still is the
/// master, once for all connections of the node.
///
/// Sentinel has the old master hang up when it demotes it. A master that Sentinel cannot reach goes
/// on and takes what is written to it to its grave. A Sentinel that is cut off from the others goes
/// on naming the master it knows, and so do all for a moment that have not heard of a failover. A
/// node asks one Sentinel per interval of up to three health check intervals, the next one each
/// time, and all only where that one has news. A leader on the old master must be gone before the
/// new one, after `LeaderOptions::ttl`, has another, so it asks all, at most a third of that time
/// apart, and before it becomes the leader. All members must be called on the strand.
class MasterWatch {
 public:
  MasterWatch(Strand strand, const RedisOptions& options);
  MasterWatch(const MasterWatch&) = delete;
  MasterWatch& operator=(const MasterWatch&) = delete;

  bool is_needed() const { return connector_.uses_sentinel(); }
  /// Returns when the link has closed and `look_again()` was called, or when there is a master in
  /// place of `current`. `self` is this.
  asio::awaitable<std::optional<Successor>> find_successor(std::shared_ptr<MasterWatch> self,
                                                           std::shared_ptr<Link> link,
                                                           Endpoint current);
  /// A link has closed.
  void look_again() { changed_.notify_all(); }

  /// Asks all. False if the newest of what they say is another master than `current`; if that one
  /// answers as a master, it is news for those who wait for a successor. True also where no
  /// Sentinel answers. `self` is this.
  asio::awaitable<bool> is_still_master(std::shared_ptr<MasterWatch> self, Endpoint current,
                                        TimePoint deadline);
  /// How long a lock lives without renewal that this node leads by; nothing if it does not lead.
  void set_leading(std::optional<std::chrono::milliseconds> ttl);

 private:
  class Participation;
  class Round;

  asio::awaitable<void> ask();
  asio::awaitable<std::optional<Successor>> ask_one(TimePoint deadline);
  asio::awaitable<std::optional<Successor>> ask_next(std::size_t count, TimePoint deadline);
  bool all_are_at(const Endpoint& master) const;
  double draw();

  RedisOptions options_;
  Connector connector_;
  SentinelRotation rotation_;
  InquiryPace pace_;
  LazyRandom random_;
  std::vector<Endpoint> masters_;  // of the connections
  std::size_t asking_ = 0;         // rounds under way
  Event changed_;
  std::uint64_t rounds_ = 0;
  std::optional<Successor> successor_;  // that was found last, if any
  std::uint64_t successor_round_ = 0;   // in which that was
};

}  // namespace mesh::redis
