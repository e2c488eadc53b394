#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>
#include <support/sentinel_cluster.hpp>

namespace mesh::test::faults {
namespace {

/// The nodes run on a second thread while the body blocks on Sentinel.
RunOptions beside_the_body() {
  RunOptions options;
  options.threads = 2;
  options.deadline = 150s;
  return options;
}

bool is_subscribed_at(const RedisServer& server, InstanceId id) {
  return server.probe().subscribers(channel_of(id)) == 1;
}

/// Both nodes have moved to the server and talk there.
asio::awaitable<void> expect_moved_to(RedisServer& server, Pair& pair) {
  const InstanceId a = pair.a.instance_id();
  const InstanceId b = pair.b.instance_id();
  const auto both_moved = [&] {
    return is_subscribed_at(server, a) && is_subscribed_at(server, b);
  };
  EXPECT_TRUE(co_await eventually(both_moved, 60s)) << pair.log.text();
  EXPECT_TRUE(co_await recovers(pair.a, b)) << pair.log.text();
  EXPECT_TRUE(co_await recovers(pair.b, a)) << pair.log.text();
  RedisProbe probe = server.probe();
  const auto last_heartbeat = probe.zscore(key_of("heartbeats"), std::to_string(a));
  const auto beats_on = [&] {
    return probe.zscore(key_of("heartbeats"), std::to_string(a)) > last_heartbeat;
  };
  EXPECT_TRUE(co_await eventually(beats_on));
  const auto is_led = [&] { return pair.a.leader().is_leader() || pair.b.leader().is_leader(); };
  EXPECT_TRUE(co_await eventually(is_led));
}

TEST(Sentinel, NodesStartOnTheMasterAndFollowAFailover) {
  SentinelCluster cluster;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    Pair pair(context.get_executor(), cluster.options());
    co_await pair.start();
    EXPECT_TRUE(is_subscribed_at(cluster.first_master(), pair.a.instance_id()));
    EXPECT_TRUE(cluster.first_master().probe().exists(key_of("next_id")));
    EXPECT_TRUE(co_await echoes(pair.a, pair.b.instance_id(), 20s));
    cluster.failover();
    co_await expect_moved_to(cluster.first_replica(), pair);
    Node late(context.get_executor(), mesh_key, patient_options(cluster.options(), pair.log));
    co_await late.start();
    EXPECT_EQ(late.instance_id(), 3);
    co_await late.stop();
    co_await pair.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(Sentinel, NodesFollowToTheReplicaWhenTheMasterDies) {
  SentinelCluster cluster;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    Pair pair(context.get_executor(), cluster.options());
    co_await pair.start();
    cluster.first_master().kill();
    const auto is_failed_over = [&] { return cluster.is_failed_over(); };
    EXPECT_TRUE(co_await eventually(is_failed_over, 90s));
    co_await expect_moved_to(cluster.first_replica(), pair);
    co_await pair.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(Sentinel, AStandaloneElectionFollowsAFailover) {
  SentinelCluster cluster;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    LeaderOptions options;
    options.ttl = 1s;
    options.renewal_interval = 200ms;
    options.retry_delay = 100ms;
    LeaderService service(context.get_executor(), "feature", options, cluster.options(),
                          log.sink());
    service.start();
    const std::string lock = "test:leader:feature";
    const auto leads_first = [&] {
      return service.is_leader() && cluster.first_master().probe().exists(lock);
    };
    EXPECT_TRUE(co_await eventually(leads_first));
    const auto token = service.fencing_token();
    cluster.failover();
    // The old master's lock came along, so only a later expiry shows that the leader did, too.
    RedisProbe new_master = cluster.first_replica().probe();
    std::int64_t least = new_master.integer({"PTTL", lock});
    const auto is_prolonged = [&] {
      const auto left = new_master.integer({"PTTL", lock});
      const bool longer = left > least + 50;
      least = left;
      return longer;
    };
    EXPECT_TRUE(co_await eventually(is_prolonged, 60s)) << log.text();
    const auto leads = [&] { return service.is_leader() && service.fencing_token() >= token; };
    EXPECT_TRUE(co_await eventually(leads)) << log.text();
    co_await service.stop();
    EXPECT_FALSE(new_master.exists(lock)) << log.text();
  };
  run_coroutine(body, beside_the_body());
}

TEST(Sentinel, AnUnknownMasterNameIsNamedInTheError) {
  SentinelCluster cluster;
  run_coroutine([&]() -> asio::awaitable<void> {
    RedisOptions redis = cluster.options();
    redis.sentinel_name = "no-such-master";
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    const auto error = co_await expect_error<MeshConnectionError>(node.start());
    CO_ASSERT_TRUE(error);
    EXPECT_NE(error->cause().find("no-such-master"), std::string::npos) << error->cause();
    EXPECT_EQ(error->host(), "127.0.0.1");
    EXPECT_EQ(error->port(), cluster.sentinel_port());
  });
}

TEST(Sentinel, AMasterThatIsGoneIsNamedInTheError) {
  SentinelCluster cluster;
  // So that Sentinel goes on naming the dead one.
  cluster.sentinel_probe().command(
      {"SENTINEL", "SET", SentinelCluster::name(), "down-after-milliseconds", "600000"});
  cluster.first_master().kill();
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key,
              patient_options(cluster.options(), log));
    const auto error = co_await expect_error<MeshConnectionError>(node.start());
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->port(), cluster.first_master().port());
    EXPECT_NE(error->cause().find("refused"), std::string::npos) << error->cause();
  });
}

TEST(Sentinel, ASentinelThatIsDownIsNamedInTheError) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisOptions redis;
    redis.prefix = "test";
    redis.sentinel_host = "127.0.0.1";
    redis.sentinel_port = find_free_port();
    redis.connect_timeout = 500ms;
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    const auto begin = std::chrono::steady_clock::now();
    const auto error = co_await expect_error<MeshConnectionError>(node.start());
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->host(), "127.0.0.1");
    EXPECT_EQ(error->port(), redis.sentinel_port);
    EXPECT_NE(error->cause().find("refused"), std::string::npos) << error->cause();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  });
}

TEST(Sentinel, APlainRedisIsNotTakenForASentinel) {
  const RedisServer server;
  run_coroutine([&]() -> asio::awaitable<void> {
    RedisOptions redis = server.options();
    redis.sentinel_host = redis.host;
    redis.sentinel_port = redis.port;
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    const auto error = co_await expect_error<MeshConnectionError>(node.start());
    CO_ASSERT_TRUE(error);
    EXPECT_NE(error->cause().find("Sentinel"), std::string::npos) << error->cause();
  });
}

}  // namespace
}  // namespace mesh::test::faults
