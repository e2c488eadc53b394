#pragma once

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
#include <redis/link.hpp>
#include <redis/sentinel_pace.hpp>
#include <util/lazy_random.hpp>

namespace mesh::redis {

/// Asks the Sentinels from time to time whether the master that a node is connected to still is the
/// master, once for all connections of the node.
///
/// Sentinel has the old master hang up when it demotes it. A master that Sentinel cannot reach goes
/// on and takes what is written to it to its grave. A Sentinel that is cut off from the others goes
/// on naming the master it knows, and so do all for a moment that have not heard of a failover. So
/// all are asked, and the one with the highest epoch is right; at most three health check intervals
/// after the last time, since a leader on the old master must be gone before the new one, after
/// `LeaderOptions::ttl`, has another. All members must be called on the strand.
class MasterWatch {
 public:
  MasterWatch(Strand strand, const RedisOptions& options);
  MasterWatch(const MasterWatch&) = delete;
  MasterWatch& operator=(const MasterWatch&) = delete;

  bool is_needed() const { return connector_.uses_sentinel(); }
  /// Returns when the link has closed, or when there is a master in place of `current`. `self` is
  /// this.
  asio::awaitable<std::optional<Successor>> find_successor(std::shared_ptr<MasterWatch> self,
                                                           std::shared_ptr<Link> link,
                                                           Endpoint current);

 private:
  class Participation;
  class Round;

  asio::awaitable<void> ask();
  bool all_are_at(const Endpoint& master) const;
  double draw();

  RedisOptions options_;
  Connector connector_;
  SentinelPace pace_;
  LazyRandom random_;
  std::vector<Endpoint> masters_;  // of the connections
  bool is_asking_ = false;
  Event asked_;
  std::uint64_t rounds_ = 0;
  std::optional<Successor> successor_;  // that was found last, if any
  std::uint64_t successor_round_ = 0;   // in which that was
};

}  // namespace mesh::redis
