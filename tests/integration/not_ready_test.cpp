// Servers that are there, but refuse to work.

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/redis_proxy.hpp>
#include <integration/support/patient_nodes_test.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>
#include <support/wait.hpp>

namespace mesh::test::faults {
namespace {

TEST(NotReady, AServerThatBecameAReplicaIsLeftAtItsFirstRefusal) {
  RedisServer server;
  RedisServer other;
  run_coroutine([&]() -> asio::awaitable<void> {
    Pair pair(co_await asio::this_coro::executor, server.options());
    co_await pair.start();
    server.command({"REPLICAOF", "127.0.0.1", std::to_string(other.port())});
    const auto left = [&] { return pair.log.contains("READONLY", LogLevel::warning); };
    EXPECT_TRUE(co_await eventually(left)) << pair.log.text();
    const auto lost = [&] { return pair.log.contains("lost the connection", LogLevel::warning); };
    EXPECT_TRUE(co_await eventually(lost)) << pair.log.text();
    server.command({"REPLICAOF", "NO", "ONE"});
    EXPECT_TRUE(co_await recovers(pair.a, pair.b.instance_id())) << pair.log.text();
    co_await pair.stop();
  });
}

TEST(NotReady, AStartDoesNotWaitForeverForABusyOne) {
  RedisServer server;
  RedisProbe probe = server.probe();
  server.command({"CONFIG", "SET", "busy-reply-threshold", "1"});
  std::thread busy([&] {
    try {
      server.probe(60s).command({"EVAL", "while true do end", "0"});
    } catch (const RedisProbeError&) {
      // It is killed in the end.
    }
  });
  const auto is_busy = [&] {
    try {
      probe.command({"PING"});
    } catch (const RedisProbeError& error) {
      return std::string(error.what()).starts_with("BUSY");
    }
    return false;
  };
  EXPECT_TRUE(wait_until(is_busy));
  RedisOptions redis = server.options();
  redis.connect_timeout = 1s;
  EXPECT_NE(failed_start(redis).find("BUSY"), std::string::npos);
  probe.command({"SCRIPT", "KILL"});
  busy.join();
}

// What hiredis' own asynchronous interface would answer by aborting the process.
TEST(NotReady, AServerThatAnswersBeforeItIsAskedIsRefused) {
  const SilentServer rogue("+OK\r\n+OK\r\n+OK\r\n+OK\r\n*1\r\n+subscribe\r\n");
  RedisOptions redis;
  redis.port = rogue.port();
  EXPECT_NE(failed_start(redis), "");
}

/// It is for a while that Redis refuses.
class NotReadyYet : public PatientNodesTest {
 protected:
  ~NotReadyYet() override {
    configure("requirepass", "");
    configure("key-load-delay", "0");
    configure("loading-process-events-interval-bytes", "2097152");
  }

  /// By connections from before Redis refused new ones.
  void configure(const std::string& setting, const std::string& value) {
    for (RedisProbe& one : probes_) one.command({"CONFIG", "SET", setting, value});
  }
  void kill_other_connections() {
    for (RedisProbe& one : probes_) one.command({"CLIENT", "KILL", "TYPE", "normal"});
  }

  /// Redis does so for seconds.
  std::future<void> begin_to_load() {
    probe().command({"EVAL", "for i = 1, ARGV[1] do redis.call('SET', KEYS[1] .. i, 'x') end", "1",
                     name("data:"), "300"});
    configure("loading-process-events-interval-bytes", "1024");
    configure("key-load-delay", "10000");
    return std::async(std::launch::async, [there = probe().at_primary_of(name("data:"))]() mutable {
      there.command({"DEBUG", "RELOAD"});
    });
  }
  bool is_loading() {
    return probe().text({"INFO", "persistence"}).find("loading:1") != std::string::npos;
  }

 private:
  std::vector<RedisProbe> probes_ = redis().probes();
};

TEST_F(NotReadyYet, AStartWaitsWhileItLoadsItsData) {
  std::future<void> loading = begin_to_load();
  EXPECT_TRUE(wait_until([&] { return is_loading(); }));
  MeshOptions options = patient();
  options.redis.connect_timeout = 60s;
  run_coroutine([&]() -> asio::awaitable<void> {
    Node node(co_await asio::this_coro::executor, key(), options);
    co_await node.start();
    const auto warnings = log().count("LOADING", LogLevel::warning);
    if (on_cluster()) {
      EXPECT_GE(warnings, 1U) << log().text();
    } else {
      EXPECT_EQ(warnings, 2U) << log().text();  // once per connection
    }
    co_await node.stop();
  });
  loading.get();
}

TEST_F(NotReadyYet, ARefusedPasswordIsRetriedWhileRunning) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Pair pair(co_await asio::this_coro::executor, redis().admin_options(), key());
    co_await pair.start();
    configure("requirepass", "new-password");
    kill_other_connections();
    const auto refused = [&] { return pair.log.contains("NOAUTH", LogLevel::warning); };
    EXPECT_TRUE(co_await eventually(refused)) << pair.log.text();
    configure("requirepass", "");
    EXPECT_TRUE(co_await recovers(pair.a, pair.b.instance_id())) << pair.log.text();
    co_await pair.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
