#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <mesh/options.hpp>

#include <support/child_process.hpp>
#include <support/redis_probe.hpp>
#include <support/redis_server.hpp>
#include <support/temp_dir.hpp>

namespace mesh::test {

/// A master, one replica of it, and Sentinels that watch both.
class SentinelCluster {
 public:
  /// Returns once the replica is in step and every Sentinel knows it and its fellows.
  explicit SentinelCluster(std::size_t sentinels = 1);
  SentinelCluster(const SentinelCluster&) = delete;
  SentinelCluster& operator=(const SentinelCluster&) = delete;

  static const std::string& name();  ///< Of the master, as Sentinel knows it.
  std::uint16_t sentinel_port(std::size_t index = 0) const;

  /// Library options that go through the first Sentinel.
  RedisOptions options() const;

  /// The port of the master according to the first Sentinel.
  std::uint16_t master_port() const;
  /// The server that was the master, or the replica, at the start.
  RedisServer& first_master() { return *master_; }
  RedisServer& first_replica() { return *replica_; }
  /// The server that is the master according to the first Sentinel.
  RedisServer& master();

  /// Asks Sentinel to promote the replica; returns at once.
  void begin_failover();
  /// Whether Sentinel names the other server and that server accepts writes.
  bool is_failed_over() const;
  /// Promotes the replica and blocks until it is the master.
  void failover();

  RedisProbe sentinel_probe(std::size_t index = 0) const;

 private:
  struct Sentinel {
    std::uint16_t port = 0;
    std::unique_ptr<TempDir> directory;
    std::unique_ptr<ChildProcess> process;
  };

  Sentinel start_sentinel(std::size_t quorum) const;
  bool replica_in_step() const;
  bool knows_everyone(std::size_t index) const;

  std::unique_ptr<RedisServer> master_;
  std::unique_ptr<RedisServer> replica_;
  std::vector<Sentinel> sentinels_;
};

}  // namespace mesh::test
