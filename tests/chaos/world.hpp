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

#include <mesh/node.hpp>
#include <support/redis_cluster.hpp>
#include <support/redis_probe.hpp>
#include <support/redis_server.hpp>
#include <support/sentinel_cluster.hpp>

#include "event_log.hpp"

namespace mesh::chaos {

enum class RedisKind { plain, sentinel, cluster };
std::string name_of(RedisKind kind);

/// Some of them.
enum class RedisKinds : unsigned { none = 0 };
constexpr RedisKinds only(RedisKind kind) {
  return static_cast<RedisKinds>(1U << static_cast<unsigned>(kind));
}
constexpr RedisKinds operator|(RedisKinds some, RedisKinds others) {
  return static_cast<RedisKinds>(static_cast<unsigned>(some) | static_cast<unsigned>(others));
}
constexpr bool has(RedisKinds some, RedisKind kind) { return (some | only(kind)) == some; }

inline constexpr RedisKinds on_plain = only(RedisKind::plain);
inline constexpr RedisKinds on_sentinel = only(RedisKind::sentinel);
inline constexpr RedisKinds on_cluster = only(RedisKind::cluster);
inline constexpr RedisKinds anywhere = on_plain | on_sentinel | on_cluster;

/// The Redis of the run: one server, or a master and a replica behind Sentinels, or a cluster.
class World {
 public:
  explicit World(RedisKind kind);

  RedisKind kind() const { return kind_; }
  bool has_sentinel() const { return kind_ == RedisKind::sentinel; }
  test::RedisCluster& cluster() { return *cluster_; }
  /// The servers there are, the same over the whole run except on a single Redis.
  std::vector<test::RedisServer*> servers();
  std::uint16_t sentinel_port() const { return failover_pair_->sentinel_port(); }

  /// The server that is the master now, as far as anyone knows; of a cluster, the primary that has
  /// all keys of the mesh.
  test::RedisServer& master();
  test::RedisProbe probe();
  void each_primary(const test::RedisProbe::Command& command);
  /// Returns the number of receivers.
  std::int64_t publish(const std::string& node_channel, const std::string& text);
  std::int64_t subscribers(const std::string& node_channel);

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

  /// How the names of the mesh's keys begin.
  std::string stem() const;
  std::string lock() const;
  static std::string node_channel(InstanceId id);
  /// Of a cluster.
  std::uint16_t slot_of(const std::string& name);
  std::uint16_t registry_slot() { return slot_of(stem()); }

 private:
  bool is_master(test::RedisServer& server);
  test::RedisServer& server_of(const std::string& node_channel);

  RedisKind kind_;
  std::unique_ptr<test::RedisServer> single_;
  std::unique_ptr<test::RedisServer> replica_;  ///< Of `single_`.
  std::unique_ptr<test::SentinelCluster> failover_pair_;
  std::unique_ptr<test::RedisCluster> cluster_;
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
