// Elections on a Redis Cluster.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/cluster_contenders.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/sentinel_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/redis_cluster.hpp>
#include <support/run_coroutine.hpp>
#include <support/wait.hpp>

namespace mesh::test::faults {
namespace {

RedisClusterOptions where_silence_is_noticed() {
  RedisClusterOptions options;
  options.node_timeout = 1500ms;
  return options;
}

/// Whether the lock is renewed, of which this tells how long it has left.
template <typename Ttl>
asio::awaitable<bool> is_renewed(Ttl ttl) {
  const auto is_longer = [&ttl, last = ttl()]() mutable {
    const auto before = std::exchange(last, ttl());
    return last > before;
  };
  co_return co_await eventually(is_longer);
}

TEST(LeaderOnCluster, OneLeadsAndTheLockIsWhereItBelongs) {
  with_leader(
      [](RedisCluster& cluster, std::uint16_t slot,
         Contenders& contenders) -> asio::awaitable<void> {
        const auto is_told = [&] { return !contenders.tokens().empty(); };
        EXPECT_TRUE(co_await eventually(is_told));
        EXPECT_EQ(contenders.tokens().size(), 1U);
        RedisServer& primary = cluster.primary_of(slot);
        EXPECT_TRUE(primary.probe().exists(cluster_lock));
        EXPECT_TRUE(primary.probe().exists(cluster_lock + ":fencing_token"));
        co_await contenders.leader().stop();
        EXPECT_TRUE(co_await contenders.one_leads());
      },
      enduring_on_cluster());
}

// In good order: the lock is known to the new primary, and the leader goes on.
TEST(LeaderOnCluster, AFailoverInGoodOrderLeavesTheLeader) {
  with_leader(
      [](RedisCluster& cluster, std::uint16_t slot,
         Contenders& contenders) -> asio::awaitable<void> {
        cluster.fail_over(slot);
        RedisProbe probe = cluster.primary_of(slot).probe();
        const auto ttl = [&] { return probe.integer({"PTTL", cluster_lock}); };
        for (int i = 0; i < 2; ++i) {
          EXPECT_TRUE(co_await is_renewed(ttl)) << contenders.log.text();
        }
        EXPECT_EQ(contenders.tokens().size(), 1U) << contenders.log.text();
        EXPECT_TRUE(contenders.log.contains("Redis answered MOVED")) << contenders.log.text();
      },
      enduring_on_cluster());
}

TEST(LeaderOnCluster, APrimaryThatDiesIsReplaced) {
  with_leader(
      [](RedisCluster& cluster, std::uint16_t slot,
         Contenders& contenders) -> asio::awaitable<void> {
        RedisServer& former = cluster.primary_of(slot);
        former.kill();
        cluster.await_failover(slot, former);
        const auto has_lock = [&] { return cluster.primary_of(slot).probe().exists(cluster_lock); };
        EXPECT_TRUE(co_await eventually(has_lock, 60s));
        EXPECT_TRUE(co_await contenders.one_leads()) << contenders.log.text();
      },
      quick_on_cluster(), where_silence_is_noticed());
}

// It goes on without an answer for too long, and is cut off from the others when it wakes up.
TEST(LeaderOnCluster, APrimaryThatStandsStillIsReplaced) {
  with_leader(
      [](RedisCluster& cluster, std::uint16_t slot,
         Contenders& contenders) -> asio::awaitable<void> {
        RedisServer& former = cluster.primary_of(slot);
        RedisServer& successor = cluster.replica_of(slot);
        cluster.pause(former);
        const auto has_lock = [&] {
          return successor.probe().command({"ROLE"}).at(0) == "master" &&
                 successor.probe().exists(cluster_lock);
        };
        EXPECT_TRUE(co_await eventually(has_lock, 60s));
        EXPECT_TRUE(co_await contenders.one_leads()) << contenders.log.text();
        cluster.resume(former);
        const auto is_replica = [&] { return former.command({"ROLE"}).at(0) == "slave"; };
        EXPECT_TRUE(co_await eventually(is_replica, 60s));
        EXPECT_TRUE(co_await contenders.one_leads()) << contenders.log.text();
      },
      quick_on_cluster(), where_silence_is_noticed());
}

TEST(LeaderOnCluster, TheLeaderFollowsItsSlotThereAndBack) {
  with_leader(
      [](RedisCluster& cluster, std::uint16_t slot,
         Contenders& contenders) -> asio::awaitable<void> {
        RedisServer& home = cluster.primary_of(slot);
        RedisServer& away = cluster.another_primary(slot);
        for (int i = 0; i < 2; ++i) {
          RedisServer& from = i == 0 ? home : away;
          RedisServer& to = i == 0 ? away : home;
          cluster.begin_migration(slot, from, to);
          cluster.move_keys(slot, from, to);
          // Here every command is answered by ASK.
          const auto ttl = [&] {
            RedisProbe probe = to.probe();
            probe.command({"ASKING"});
            return probe.integer({"PTTL", cluster_lock});
          };
          EXPECT_TRUE(co_await is_renewed(ttl)) << contenders.log.text();
          cluster.end_migration(slot, to);
          EXPECT_TRUE(co_await is_renewed(ttl)) << contenders.log.text();
        }
        EXPECT_EQ(contenders.tokens().size(), 1U) << contenders.log.text();
      },
      enduring_on_cluster());
}

// The cluster refuses scripts of whose keys one is missing.
TEST(LeaderOnCluster, ALockThatIsFreeIsTakenWhenItsSlotHasMoved) {
  with_leader(
      [](RedisCluster& cluster, std::uint16_t slot,
         Contenders& contenders) -> asio::awaitable<void> {
        RedisServer& from = cluster.primary_of(slot);
        RedisServer& to = cluster.another_primary(slot);
        cluster.begin_migration(slot, from, to);
        LeaderService& stopped = contenders.leader();
        co_await stopped.stop();
        const auto is_refused = [&] { return contenders.log.contains("TRYAGAIN"); };
        EXPECT_TRUE(co_await eventually(is_refused, 60s)) << contenders.log.text();
        cluster.move_keys(slot, from, to);
        cluster.end_migration(slot, to);
        EXPECT_TRUE(co_await contenders.one_leads()) << contenders.log.text();
      },
      quick_on_cluster());
}

/// Moves the slot to another primary and its keys with it, under load.
void migrate(RedisCluster& cluster, std::uint16_t slot) {
  RedisServer& from = cluster.primary_of(slot);
  RedisServer& to = cluster.another_primary(slot);
  cluster.begin_migration(slot, from, to);
  cluster.move_keys(slot, from, to);
  cluster.end_migration(slot, to);
}

void stand_still(RedisCluster& cluster, std::uint16_t slot) {
  RedisServer& former = cluster.primary_of(slot);
  cluster.pause(former);
  cluster.await_failover(slot, former);
  cluster.resume(former);
}

TEST(LeaderOnCluster, ThroughFailoversAndMovesThereAreNeverTwo) {
  with_leader(
      [](RedisCluster& cluster, std::uint16_t slot,
         Contenders& contenders) -> asio::awaitable<void> {
        const std::jthread watch([&contenders](const std::stop_token& is_over) {
          while (!is_over.stop_requested()) {
            const bool before = contenders.one.is_leader();
            const bool other = contenders.other.is_leader();
            EXPECT_FALSE(before && other && contenders.one.is_leader());
            std::this_thread::sleep_for(1ms);
          }
        });
        for (int round = 0; round < 3; ++round) {
          stand_still(cluster, slot);
          migrate(cluster, slot);
          EXPECT_TRUE(co_await contenders.one_leads()) << contenders.log.text();
          cluster.fail_over(slot);
          LeaderService& stopped = contenders.leader();
          co_await stopped.stop();
          migrate(cluster, slot);
          stopped.start();
          EXPECT_TRUE(co_await contenders.one_leads()) << contenders.log.text();
        }
      },
      quick_on_cluster(), where_silence_is_noticed());
}

TEST(LeaderOnCluster, AllNodesGetThePassword) {
  RedisClusterOptions options;
  options.server.password = "secret";
  with_leader(expect_to_follow_a_failover, enduring_on_cluster(), options);
}

TEST(LeaderOnCluster, NodesAreWhereTheCallbackSays) {
  RedisClusterOptions options;
  options.announced_host = "node.cluster.invalid";
  std::atomic<int> asked = 0;
  const auto address = [&asked](RedisAddress announced) {
    EXPECT_EQ(announced.host, "node.cluster.invalid");
    ++asked;
    return RedisAddress{"127.0.0.1", announced.port};
  };
  with_leader(expect_to_follow_a_failover, enduring_on_cluster(), options, address);
  EXPECT_GE(asked, 4);  // two primaries each
}

TEST(LeaderOnCluster, HoldsTheElectionOfAMeshThatIsElsewhere) {
  RedisCluster cluster;
  const RedisServer server;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    MeshOptions options = patient_options(server.options(), log);
    options.leader_redis = cluster.options();
    Node node(context.get_executor(), mesh_key, options);
    co_await node.start();
    const auto leads = [&] { return node.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(leads)) << log.text();
    co_await node.stop();
  };
  run_coroutine(body, beside_the_body());
}

/// A cluster of just this node.
RedisServerOptions of_lone_node() {
  RedisServerOptions options;
  options.in_cluster = true;
  return options;
}

/// Two nodes that both claim all slots; the epoch says whose claim is the newer one.
struct Rivals {
  Rivals(int epoch_of_first, int epoch_of_second) : first(of_lone_node()), second(of_lone_node()) {
    claim_all(first, epoch_of_first);
    claim_all(second, epoch_of_second);
  }

  static void claim_all(const RedisServer& server, int epoch) {
    server.command({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(epoch)});
    server.command({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
    require_soon("well", [&server] {
      return server.probe().text({"CLUSTER", "INFO"}).find("cluster_state:ok") != std::string::npos;
    });
  }

  /// The first one is asked first.
  RedisOptions options() const {
    RedisOptions redis = first.options();
    redis.cluster =
        "127.0.0.1:" + std::to_string(first.port()) + ",127.0.0.1:" + std::to_string(second.port());
    return redis;
  }

  const RedisServer first;
  const RedisServer second;
};

/// Stands for election among them until it leads by a lock at this one; returns what it logged.
std::string log_of_leader_at(const RedisServer& place, const Rivals& rivals) {
  LogCapture log;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LeaderService service(context.get_executor(), "feature", enduring_on_cluster(),
                          rivals.options(), log.sink());
    service.start();
    const auto leads = [&] { return service.is_leader(); };
    EXPECT_TRUE(co_await eventually(leads)) << log.text();
    EXPECT_TRUE(place.probe().exists(cluster_lock));
    co_await service.stop();
  };
  run_coroutine(body, beside_the_body());
  return log.text();
}

// As one does that stood still while it was replaced.
TEST(LeaderOnCluster, WhatAReplacedPrimaryGrantsMakesNoLeader) {
  const Rivals rivals(3, 5);
  const std::string log = log_of_leader_at(rivals.second, rivals);
  const std::string refusal = "the lock was granted by a Redis that is the master no more";
  EXPECT_NE(log.find(refusal), std::string::npos) << log;
}

// Such as one that still remembers where a slot comes from that it was to get.
TEST(LeaderOnCluster, AnOutdatedNodeKeepsNobodyFromLeading) {
  const Rivals rivals(5, 3);
  log_of_leader_at(rivals.first, rivals);
}

// What is wrong is said at the start, in both directions -----------------------------------------

asio::awaitable<bool> warns(RedisOptions redis, std::string text) {
  LogCapture log;
  LeaderService service(co_await asio::this_coro::executor, "feature", quick_on_cluster(), redis,
                        log.sink());
  service.start();
  const auto warned = [&] { return log.contains(text, LogLevel::warning); };
  const bool has_warned = co_await eventually(warned);
  if (!has_warned) ADD_FAILURE() << log.text();
  co_await service.stop();
  co_return has_warned;
}

TEST(LeaderOnCluster, AServerThatIsNoClusterIsRefused) {
  const RedisServer server;
  RedisOptions redis = server.options();
  redis.cluster = "127.0.0.1:" + std::to_string(server.port());
  run_coroutine([&]() -> asio::awaitable<void> {
    EXPECT_TRUE(co_await warns(redis, "(RedisOptions::cluster): ERR This instance has cluster"));
  });
}

TEST(LeaderOnCluster, ANodeOfAClusterIsNoServerByItself) {
  const RedisServer server(of_lone_node());
  run_coroutine([&]() -> asio::awaitable<void> {
    const std::string advice = "one of a Redis Cluster: see RedisOptions::cluster";
    EXPECT_TRUE(co_await warns(server.options(), advice));  // CLUSTERDOWN
    server.command({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
    EXPECT_TRUE(co_await warns(server.options(), advice));  // CROSSSLOT
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    const auto error = co_await expect_error<MeshRedisError>(node.start());
    CO_ASSERT_TRUE(error);
    EXPECT_NE(std::string(error->what()).find(advice), std::string::npos) << error->what();
  });
}

TEST(LeaderOnCluster, ACallbackThatThrowsIsAFailedAttempt) {
  RedisServerOptions options = of_lone_node();
  options.config.emplace_back("cluster-announce-hostname node.cluster.invalid");
  options.config.emplace_back("cluster-preferred-endpoint-type hostname");
  const RedisServer server(options);
  server.command({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
  RedisOptions redis = server.options();
  redis.cluster = "127.0.0.1:" + std::to_string(server.port());
  redis.cluster_address = [](const RedisAddress& announced) -> RedisAddress {
    throw std::runtime_error("no " + announced.host);
  };
  run_coroutine([&]() -> asio::awaitable<void> {
    EXPECT_TRUE(co_await warns(redis, "cluster_address gave none: no node.cluster.invalid"));
  });
}

}  // namespace
}  // namespace mesh::test::faults
