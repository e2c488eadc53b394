#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <integration/sentinel_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>
#include <support/sentinel_cluster.hpp>

namespace mesh::test::faults {
namespace {

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

TEST(Sentinel, AStartInTheMiddleOfAFailoverMayWaitForTheNewMaster) {
  SentinelCluster cluster;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    MeshOptions options = patient_options(cluster.options(), log);
    options.start_timeout = 10min;
    cluster.first_master().kill();
    Node node(context.get_executor(), mesh_key, options);
    co_await node.start();
    EXPECT_TRUE(is_subscribed_at(cluster.first_replica(), node.instance_id())) << log.text();
    co_await node.stop();
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
    options.wait_after_data_loss = false;
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

// Several Sentinels -------------------------------------------------------------------------------

std::string local(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

/// A node starts and stops, and nothing is amiss.
void expect_start(const RedisOptions& redis) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    co_await node.start();
    EXPECT_GT(node.instance_id(), 0);
    co_await node.stop();
    EXPECT_FALSE(log.contains("", LogLevel::warning)) << log.text();
  });
}

TEST(Sentinel, OneThatIsDownIsSkipped) {
  SentinelCluster cluster;
  RedisOptions redis = cluster.options();
  redis.sentinel_host = local(find_free_port()) + "," + cluster.sentinel_list();
  expect_start(redis);
}

TEST(Sentinel, OneThatDoesNotKnowTheNameIsSkipped) {
  SentinelCluster cluster;
  const RedisServer no_sentinel;
  RedisOptions redis = cluster.options();
  redis.sentinel_host = local(no_sentinel.port()) + "," + cluster.sentinel_list();
  expect_start(redis);
}

TEST(Sentinel, OneThatHangsTakesOnlyItsShareOfTheTime) {
  SentinelCluster cluster;
  const SilentServer hanging;
  RedisOptions redis = cluster.options();
  redis.connect_timeout = 10s;
  redis.sentinel_host = local(hanging.port()) + "," + cluster.sentinel_list();
  expect_start(redis);
}

TEST(Sentinel, OneThatNamesAMasterThatIsGoneIsSkipped) {
  SentinelCluster stale;
  stale.sentinel_probe().command(
      {"SENTINEL", "SET", SentinelCluster::name(), "down-after-milliseconds", "600000"});
  stale.first_master().kill();
  SentinelCluster cluster;
  RedisOptions redis = cluster.options();
  redis.sentinel_host = stale.sentinel_list() + "," + cluster.sentinel_list();
  expect_start(redis);
}

TEST(Sentinel, IfNoneHelpsTheErrorNamesEachWithItsCause) {
  SentinelCluster cluster;
  const std::uint16_t closed = find_free_port();
  RedisOptions redis = cluster.options();
  redis.sentinel_name = "no-such-master";
  redis.sentinel_host = "localhost:" + std::to_string(closed) + "," + cluster.sentinel_list();
  const std::string cause = failed_start(redis);
  EXPECT_NE(cause.find("localhost:" + std::to_string(closed) + ": Connection refused"),
            std::string::npos)
      << cause;
  EXPECT_NE(cause.find(cluster.sentinel_list() + ": Sentinel knows no master called \"no-such"),
            std::string::npos)
      << cause;
}

TEST(Sentinel, NodesFollowAFailoverWhenTheFirstSentinelIsDown) {
  SentinelCluster cluster(3);
  RedisOptions redis = cluster.options();
  redis.sentinel_host = cluster.sentinel_list();
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    Pair pair(context.get_executor(), redis);
    co_await pair.start();
    cluster.first_master().kill();
    cluster.sentinel_process(0).kill();
    const auto moved = [&] {
      return is_subscribed_at(cluster.first_replica(), pair.a.instance_id()) &&
             is_subscribed_at(cluster.first_replica(), pair.b.instance_id());
    };
    EXPECT_TRUE(co_await eventually(moved, 90s)) << pair.log.text();
    EXPECT_TRUE(co_await recovers(pair.a, pair.b.instance_id())) << pair.log.text();
    co_await pair.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(Sentinel, APasswordIsSentAndAWrongOneIsNamed) {
  SentinelClusterOptions guarded;
  guarded.sentinel_password = "s3ntinel-pass";
  SentinelCluster cluster(guarded);
  RedisOptions redis = cluster.options();
  expect_start(redis);
  redis.sentinel_username = "default";
  expect_start(redis);
  redis.sentinel_password = "wr0ng-pass";
  std::string cause = failed_start(redis);
  EXPECT_NE(cause.find("WRONGPASS"), std::string::npos) << cause;
  EXPECT_EQ(cause.find("wr0ng-pass"), std::string::npos) << cause;
  redis.sentinel_username.clear();
  redis.sentinel_password.clear();
  cause = failed_start(redis);
  EXPECT_NE(cause.find("NOAUTH"), std::string::npos) << cause;
}

// Which master ------------------------------------------------------------------------------------

// Sentinel goes on naming a server that has become a replica behind its back, for a while.
TEST(Sentinel, AReplicaIsNotTakenForAMaster) {
  SentinelCluster cluster;
  cluster.sentinel_probe().command(
      {"SENTINEL", "SET", SentinelCluster::name(), "down-after-milliseconds", "600000"});
  cluster.first_replica().command({"REPLICAOF", "NO", "ONE"});
  cluster.first_master().command(
      {"REPLICAOF", "127.0.0.1", std::to_string(cluster.first_replica().port())});
  RedisOptions redis = cluster.options();
  redis.connect_timeout = 2s;
  const std::string cause = failed_start(redis);
  EXPECT_NE(cause.find("not a master"), std::string::npos) << cause;
}

TEST(Sentinel, AMasterThatWasReplacedButDoesNotKnowItIsLeft) {
  SentinelClusterOptions stubborn;
  stubborn.stubborn_master = true;
  SentinelCluster cluster(stubborn);
  RedisOptions redis = cluster.options();
  redis.health_check_interval = 500ms;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    Pair pair(context.get_executor(), redis);
    co_await pair.start();
    cluster.failover();
    EXPECT_EQ(cluster.first_master().command({"ROLE"}).at(0), "master");
    co_await expect_moved_to(cluster.first_replica(), pair);
    EXPECT_TRUE(pair.log.contains("names another master", LogLevel::warning)) << pair.log.text();
    co_await pair.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(Sentinel, OneThatIsCutOffLuresNobodyAway) {
  SentinelCluster stale;
  SentinelCluster cluster;
  cluster.failover();  // its epoch is the higher one
  RedisOptions redis = cluster.options();
  redis.health_check_interval = 500ms;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    redis.sentinel_host = cluster.sentinel_list() + "," + stale.sentinel_list();
    Pair stays(context.get_executor(), redis);
    co_await stays.start();
    redis.sentinel_host = stale.sentinel_list() + "," + cluster.sentinel_list();
    Pair moves(context.get_executor(), redis);
    co_await moves.start();
    const auto both_moved = [&] {
      return moves.a.stats().reconnects == 2 && moves.b.stats().reconnects == 2;
    };
    EXPECT_TRUE(co_await eventually(both_moved, 60s)) << moves.log.text();
    EXPECT_TRUE(co_await recovers(moves.a, stays.a.instance_id())) << moves.log.text();
    co_await sleep_for(3s);  // by then they have asked again
    EXPECT_EQ(stays.a.stats().reconnects, 0U) << stays.log.text();
    EXPECT_EQ(stays.b.stats().reconnects, 0U) << stays.log.text();
    EXPECT_EQ(moves.a.stats().reconnects, 2U) << moves.log.text();
    co_await moves.stop();
    co_await stays.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(Sentinel, EachCallHasOneOutcomeWhileTheMasterDies) {
  SentinelCluster cluster;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    Pair pair(context.get_executor(), cluster.options());
    co_await pair.start();
    std::vector<std::shared_ptr<Call>> calls;
    // Of the body, which reads what the calls note; the context has another thread.
    const auto executor = co_await asio::this_coro::executor;
    const auto keep_calling = [&] {
      for (int i = 0; i < 5; ++i) {
        calls.push_back(
            begin_echo(executor, pair.a, pair.b.instance_id(), std::to_string(calls.size()), 5s));
      }
    };
    const auto called = [&] {
      keep_calling();
      return calls.size() >= 200;
    };
    EXPECT_TRUE(co_await eventually(called));
    cluster.first_master().kill();
    const auto failed_over = [&] {
      keep_calling();
      return cluster.is_failed_over();
    };
    EXPECT_TRUE(co_await eventually(failed_over, 90s));
    EXPECT_TRUE(co_await recovers(pair.a, pair.b.instance_id())) << pair.log.text();
    const std::size_t before = calls.size();
    keep_calling();
    for (const auto& call : calls) {
      EXPECT_TRUE(co_await eventually([&] { return call->is_done(); }));
    }
    for (std::size_t i = 0; i < calls.size(); ++i) {
      EXPECT_EQ(calls[i]->completions, 1);
      EXPECT_TRUE(!calls[i]->succeeded || calls[i]->answer == std::to_string(i));
      EXPECT_TRUE(i < before || calls[i]->succeeded) << calls[i]->what();
    }
    co_await pair.stop();
    for (const auto& call : calls) EXPECT_EQ(call->completions, 1);
  };
  run_coroutine(body, beside_the_body());
}

}  // namespace
}  // namespace mesh::test::faults
