#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <support/redis_probe.hpp>
#include <support/redis_server.hpp>
#include <support/sentinel_cluster.hpp>

#include "event_log.hpp"

namespace mesh::chaos {

/// The Redis of the run: one server, or a master and a replica behind Sentinels.
class World {
 public:
  explicit World(bool with_sentinel);

  bool has_sentinel() const { return cluster_ != nullptr; }
  /// The servers there are, the same over the whole run where there is Sentinel.
  std::vector<test::RedisServer*> servers();
  std::uint16_t sentinel_port() const { return cluster_->sentinel_port(); }

  /// The server that is the master now, as far as anyone knows.
  test::RedisServer& master();
  test::RedisProbe probe();

  /// Without Sentinel, a second server for a while, in step with the only one.
  void add_replica();
  test::RedisServer& replica() { return *replica_; }
  /// Each takes the place of the other. `between` is called when neither takes writes.
  void swap_roles(const std::function<void()>& between);
  /// What Redis lists of those who are connected to the replica, and are not the master.
  std::string clients_of_replica();
  void remove_replica() { replica_.reset(); }

  /// Asks Sentinel for a failover; false if it does not want to now.
  bool begin_failover();
  /// Whether exactly one server is the master and Sentinel names that one.
  bool is_settled();

  /// Removes from Redis all of the mesh.
  static constexpr const char* stem = "chaos:mesh:chaos";
  static constexpr const char* lock = "chaos:leader:mesh:chaos";

 private:
  bool is_master(test::RedisServer& server);

  std::unique_ptr<test::RedisServer> single_;
  std::unique_ptr<test::RedisServer> replica_;  ///< Of `single_`.
  std::unique_ptr<test::SentinelCluster> cluster_;
};

/// Watches, from a thread of its own, which server is the master, and logs each change, wanted or
/// not, as a loss of data ("loss"), from the last time all was well until it is well again.
class MasterWatch {
 public:
  /// The functions are called when something has begun, and when all is well again.
  MasterWatch(World& world, EventLog& log, std::function<void()> on_begin,
              std::function<void()> on_end);
  ~MasterWatch();
  MasterWatch(const MasterWatch&) = delete;
  MasterWatch& operator=(const MasterWatch&) = delete;

 private:
  void run();

  World& world_;
  EventLog& log_;
  std::function<void()> on_begin_;
  std::function<void()> on_end_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace mesh::chaos
