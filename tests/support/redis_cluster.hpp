#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <mesh/options.hpp>
#include <support/redis_server.hpp>

namespace mesh::test {

struct RedisClusterOptions {
  RedisServerOptions server{};  ///< Of each.
  std::size_t primaries = 3;
  bool has_replicas = true;  ///< One of each primary.
  /// How long a node is silent before the others replace it; short only where that is wanted, as
  /// machines are slow at times.
  std::chrono::milliseconds node_timeout = std::chrono::seconds(30);
  /// Not empty: what the nodes are called, instead of by their address; nobody can resolve it.
  std::string announced_host{};
};

/// A Redis Cluster of some primaries, which share all slots, and their replicas.
class RedisCluster {
 public:
  /// Returns when all nodes find that the cluster is well.
  explicit RedisCluster(RedisClusterOptions options = {});
  RedisCluster(const RedisCluster&) = delete;
  RedisCluster& operator=(const RedisCluster&) = delete;

  /// Library options that name the first server and the last; with TLS if they talk it.
  RedisOptions options() const;
  /// The same for the default user, who may do anything.
  RedisOptions admin_options() const;
  /// The first of the servers, as long as none is replaced.
  std::size_t primaries() const { return primaries_; }
  std::size_t size() const { return servers_.size(); }
  RedisServer& server(std::size_t place) { return *servers_.at(place); }

  /// Of a key or a channel.
  std::uint16_t slot_of(const std::string& name);
  /// As soon as all that are up agree.
  RedisServer& primary_of(std::uint16_t slot);
  RedisServer& replica_of(std::uint16_t slot);
  /// A primary that does not have the slot.
  RedisServer& another_primary(std::uint16_t slot);

  /// The replica takes its primary's place, in good order; returns when all agree.
  void fail_over(std::uint16_t slot);
  /// SIGSTOP; it is not asked while that lasts.
  void pause(RedisServer& server);
  void resume(RedisServer& server);
  /// Returns when another has taken the place of the primary, which must be down, and all agree
  /// that are up.
  void await_failover(std::uint16_t slot, const RedisServer& former);

  /// Returns when all nodes, which must be up, find that the cluster is well.
  void await_well();

  /// The slot begins to move; its keys stay where they are.
  void begin_migration(std::uint16_t slot, RedisServer& from, RedisServer& to);
  void move_keys(std::uint16_t slot, RedisServer& from, RedisServer& to);
  /// The slot is the other's.
  void end_migration(std::uint16_t slot, RedisServer& to);

 private:
  /// That the nodes use among themselves.
  std::uint16_t cluster_port_of(const RedisServer& server) const;
  void join(const std::string& announced_host);
  bool all_are_well();
  bool all_name(std::uint16_t slot, const RedisServer& primary);
  std::vector<std::uint16_t> ports_of(RedisServer& asked, std::uint16_t slot);
  bool is_up(RedisServer& server) const;
  RedisServer& any_up();
  RedisServer& by_port(std::uint16_t port);

  bool has_tls_;
  std::size_t primaries_;
  const RedisServer* paused_ = nullptr;
  std::vector<std::unique_ptr<RedisServer>> servers_;  // the primaries first
};

}  // namespace mesh::test
