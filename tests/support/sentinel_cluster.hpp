#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <mesh/options.hpp>

#include <support/certificates.hpp>
#include <support/child_process.hpp>
#include <support/redis_probe.hpp>
#include <support/redis_server.hpp>
#include <support/temp_dir.hpp>

namespace mesh::test {

struct SentinelClusterOptions {
  std::size_t sentinels = 1;
  std::string sentinel_password;  ///< Not empty: the Sentinels ask for it.
  std::optional<ServerTls> tls;   ///< Set: all talk TLS with each other.
  /// True: the first master ignores that Sentinel demotes it, as one that it cannot reach would.
  bool stubborn_master = false;
};

/// A master, one replica of it, and Sentinels that watch both.
class SentinelCluster {
 public:
  explicit SentinelCluster(std::size_t sentinels = 1);
  /// Returns once the replica is in step and every Sentinel knows it and its fellows.
  explicit SentinelCluster(SentinelClusterOptions options);
  SentinelCluster(const SentinelCluster&) = delete;
  SentinelCluster& operator=(const SentinelCluster&) = delete;

  static const std::string& name();  ///< Of the master, as Sentinel knows it.
  /// With TLS, the port that talks it.
  std::uint16_t sentinel_port(std::size_t index = 0) const;

  /// Library options that go through the first Sentinel.
  RedisOptions options() const;
  /// All Sentinels, for `RedisOptions::sentinel_host`.
  std::string sentinel_list() const;

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
  ChildProcess& sentinel_process(std::size_t index = 0) { return *sentinels_.at(index).process; }

 private:
  struct Sentinel {
    std::uint16_t port = 0;  ///< Without TLS.
    std::uint16_t tls_port = 0;
    std::unique_ptr<TempDir> directory;
    std::unique_ptr<ChildProcess> process;
  };

  Sentinel start_sentinel() const;
  void write_config(const Sentinel& sentinel) const;
  std::uint16_t port_of(const RedisServer& server) const;
  bool replica_in_step() const;
  bool knows_everyone(std::size_t index) const;

  SentinelClusterOptions options_;
  std::unique_ptr<RedisServer> master_;
  std::unique_ptr<RedisServer> replica_;
  std::vector<Sentinel> sentinels_;
};

}  // namespace mesh::test
