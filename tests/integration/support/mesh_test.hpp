#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/support/messages.hpp>
#include <integration/support/shared_redis.hpp>
#include <support/channel_recorder.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_probe.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

/// Each test has a mesh of its own, on the Redis that all tests of the process share.
class MeshTest : public ::testing::Test {
 protected:
  MeshTest()
      : key_(fresh_key()),
        probe_(RedisProbe(redis().admin_options()).at_primary_of(name("heartbeats"))) {}

  static SharedRedis& redis() {
    static SharedRedis redis;
    return redis;
  }

  const std::string& key() const { return key_; }
  /// In a cluster of the primary that has all keys of the mesh.
  RedisProbe& probe() { return probe_; }
  const LogCapture& log() const { return log_; }

  /// Quick reactions, but timeouts that a slow machine does not run into.
  MeshOptions options() const {
    MeshOptions result;
    result.heartbeat_interval = 50ms;
    result.node_ttl = 60s;
    result.request_timeout = 30s;
    result.leader.ttl = 30s;
    result.leader.renewal_interval = 200ms;
    result.leader.retry_delay = 50ms;
    result.leader.wait_after_data_loss = false;
    result.redis = redis().options();
    result.log = log_.sink();
    return result;
  }

  std::string name(const std::string& suffix) const {
    const std::string stem = "test:mesh:" + key_;
    return (on_cluster() ? "{" + stem + "}:" : stem + ":") + suffix;
  }
  std::string channel(InstanceId id) const {
    return "test:mesh:" + key_ + ":node:" + std::to_string(id);
  }
  std::string lock() const { return on_cluster() ? name("leader") : "test:leader:mesh:" + key_; }

  asio::awaitable<std::unique_ptr<Service>> make_node(MeshOptions node_options) {
    const auto executor = co_await asio::this_coro::executor;
    co_return std::make_unique<Service>(executor, key_, node_options);
  }
  asio::awaitable<std::unique_ptr<Service>> make_node() {
    MeshOptions node_options = options();
    co_return co_await make_node(std::move(node_options));
  }
  asio::awaitable<std::unique_ptr<Service>> start_node(MeshOptions node_options) {
    auto node = co_await make_node(std::move(node_options));
    co_await node->start();
    co_return node;
  }
  asio::awaitable<std::unique_ptr<Service>> start_node() {
    MeshOptions node_options = options();
    co_return co_await start_node(std::move(node_options));
  }

  /// Makes Redis believe in a node; with a last heartbeat of long ago unless told otherwise.
  void register_ghost(InstanceId id, double score = 1) {
    const std::string member = std::to_string(id);
    probe_.command({"HSET", name("nodes"), member, "ghost-host"});
    probe_.command({"ZADD", name("heartbeats"), std::to_string(score), member});
  }
  /// All from the first to the last, alive for `node_ttl`.
  void register_ghosts(InstanceId first, InstanceId last) {
    const std::string now = std::to_string(probe_.time().count());
    std::vector<std::string> names{"HSET", name("nodes")};
    std::vector<std::string> heartbeats{"ZADD", name("heartbeats")};
    for (InstanceId id = first; id <= last; ++id) {
      names.insert(names.end(), {std::to_string(id), "ghost-host"});
      heartbeats.insert(heartbeats.end(), {now, std::to_string(id)});
    }
    probe_.command(names);
    probe_.command(heartbeats);
  }
  bool is_registered(InstanceId id) {
    return probe_.zscore(name("heartbeats"), std::to_string(id)).has_value();
  }
  double last_heartbeat(InstanceId id) {
    return probe_.zscore(name("heartbeats"), std::to_string(id)).value_or(0);
  }

  /// Waits until the node has sent this many heartbeats.
  asio::awaitable<bool> heartbeats_pass(InstanceId id, int count) {
    for (int i = 0; i < count; ++i) {
      auto advanced = [this, id, before = last_heartbeat(id)] {
        return last_heartbeat(id) > before;
      };
      if (!co_await eventually(advanced)) co_return false;
    }
    co_return true;
  }

  /// Lets somebody else lead this mesh for good.
  void occupy_leadership() { probe_.command({"SET", lock(), "somebody else", "PX", "600000"}); }

  /// In a cluster by all primaries.
  std::int64_t calls_of(const std::string& command) {
    std::int64_t calls = 0;
    for (RedisProbe& one : redis().probes()) calls += one.command_stats().calls(command);
    return calls;
  }
  /// Of Redis's kinds of them; all but that of `probe()`.
  void kill_connections(const std::string& kind) {
    for (RedisProbe& one : redis().probes()) {
      RedisProbe& killer = one.options().port == probe_.options().port ? probe_ : one;
      killer.command({"CLIENT", "KILL", "TYPE", kind});
    }
  }

 private:
  static std::string fresh_key() {
    static std::atomic<int> counter = 0;
    return "mesh-" + std::to_string(++counter);
  }

  std::string key_;
  RedisProbe probe_;
  LogCapture log_;
};

}  // namespace mesh::test
