#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <integration/sentinel_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>
#include <support/sentinel_cluster.hpp>

/// Whom nodes ask whether their master is still the master, when, and what follows.
namespace mesh::test::faults {
namespace {

/// The first master goes on as one, and Sentinel names the replica.
void depose(SentinelCluster& cluster) {
  cluster.failover();
  EXPECT_EQ(cluster.first_master().command({"ROLE"}).at(0), "master");
}

SentinelClusterOptions with_stubborn_master() {
  SentinelClusterOptions options;
  options.stubborn_master = true;
  return options;
}

TEST(MasterWatch, AFollowerAsksOneSentinelPerInterval) {
  SentinelCluster cluster(3);
  Visits visits(cluster, 3);
  RedisOptions redis = cluster.options();
  redis.sentinel_host = cluster.sentinel_list();
  redis.health_check_interval = 700ms;  // so one is asked every 1.4 to 2.1 s
  cluster.first_master().command({"SET", mesh_lock, "another"});
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    Node node(context.get_executor(), mesh_key, patient_options(redis, log));
    co_await node.start();
    const auto begin = std::chrono::steady_clock::now();
    visits.begin();
    co_await sleep_for(6s);
    const auto asked = visits.all();
    const auto intervals = (std::chrono::steady_clock::now() - begin) / 1400ms;
    EXPECT_LE(asked, intervals + 1);
    const auto each_was_asked = [&] {
      return visits.at(0) > 0 && visits.at(1) > 0 && visits.at(2) > 0;
    };
    EXPECT_TRUE(co_await eventually(each_was_asked, 60s));
    EXPECT_EQ(node.stats().reconnects, 0U);
    co_await node.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(MasterWatch, ALeaderAsksEachSentinelOncePerInterval) {
  SentinelCluster cluster(3);
  Visits visits(cluster, 3);
  RedisOptions redis = cluster.options();
  redis.sentinel_host = cluster.sentinel_list();
  redis.health_check_interval = 1s;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    MeshOptions options = patient_options(redis, log);
    options.leader.ttl = 3s;  // so they are asked every 0.67 to 1 s
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    co_await node.start();
    const auto leads = [&] { return node.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(leads)) << log.text();
    const auto begin = std::chrono::steady_clock::now();
    visits.begin();
    co_await sleep_for(6s);
    const auto asked = visits.all();
    const auto intervals = (std::chrono::steady_clock::now() - begin) / 600ms;
    EXPECT_LE(asked, 3 * (intervals + 1));
    EXPECT_GT(asked, 0);
    EXPECT_EQ(node.stats().reconnects, 0U);
    co_await node.stop();
  });
}

TEST(MasterWatch, ALeaderAsksAllAtOnce) {
  SentinelCluster cluster(3);
  Visits visits(cluster, 3);
  RedisOptions redis = cluster.options();
  redis.sentinel_host = cluster.sentinel_list();
  redis.health_check_interval = 5s;  // so others follow after 10 s at the earliest
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    MeshOptions options = patient_options(redis, log);
    options.leader.ttl = 60s;
    Node node(context.get_executor(), mesh_key, options);
    co_await node.start();
    const auto leads = [&] { return node.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(leads)) << log.text();
    visits.begin();
    const auto one_was_asked = [&] { return visits.all() > 0; };
    EXPECT_TRUE(co_await eventually(one_was_asked, 40s));
    const auto each_was_asked = [&] {
      return visits.at(0) > 0 && visits.at(1) > 0 && visits.at(2) > 0;
    };
    EXPECT_TRUE(co_await eventually(each_was_asked, 8s));
    co_await node.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(MasterWatch, ALeaderLeavesAReplacedMasterInTimeForItsLease) {
  SentinelCluster cluster(with_stubborn_master());
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    MeshOptions options = patient_options(rarely_asking(cluster), log);
    options.leader.ttl = 3s;
    Node node(context.get_executor(), mesh_key, options);
    co_await node.start();
    const auto leads = [&] { return node.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(leads)) << log.text();
    depose(cluster);
    const auto has_moved = [&] {
      return is_subscribed_at(cluster.first_replica(), node.instance_id());
    };
    EXPECT_TRUE(co_await eventually(has_moved, 60s)) << log.text();
    EXPECT_TRUE(co_await eventually(leads)) << log.text();
    co_await node.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(MasterWatch, ALeaderThatHasResignedAsksRarelyAgain) {
  SentinelCluster cluster;
  Visits visits(cluster, 1);
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    Node node(context.get_executor(), mesh_key, patient_options(rarely_asking(cluster), log));
    co_await node.start();
    const auto leads = [&] { return node.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(leads)) << log.text();
    cluster.first_master().command({"SET", mesh_lock, "another"});
    const auto follows = [&] { return !node.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(follows)) << log.text();
    co_await sleep_for(1s);  // by then a question that was due already has been asked
    visits.begin();
    co_await sleep_for(2s);
    EXPECT_EQ(visits.all(), 0);
    co_await node.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(MasterWatch, ALockThatAReplacedMasterGrantsMakesNoLeader) {
  SentinelCluster cluster(with_stubborn_master());
  cluster.first_master().command({"SET", mesh_lock, "another"});
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    Node node(context.get_executor(), mesh_key, patient_options(rarely_asking(cluster), log));
    co_await node.start();
    depose(cluster);
    cluster.first_replica().command({"SET", mesh_lock, "another"});
    cluster.first_master().command({"DEL", mesh_lock});
    const auto has_moved = [&] {
      return is_subscribed_at(cluster.first_replica(), node.instance_id());
    };
    EXPECT_TRUE(co_await eventually(has_moved, 60s)) << log.text();
    EXPECT_TRUE(log.contains("is the master no more", LogLevel::warning)) << log.text();
    EXPECT_FALSE(log.contains("became leader", LogLevel::info)) << log.text();
    cluster.first_replica().command({"DEL", mesh_lock});
    const auto leads = [&] { return node.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(leads)) << log.text();
    co_await node.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(MasterWatch, NorDoesItMakeOneOfAnElectionOfItsOwn) {
  SentinelCluster cluster(with_stubborn_master());
  const std::string own_lock = "test:leader:feature";
  cluster.first_master().command({"SET", own_lock, "another"});
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    const RedisOptions redis = rarely_asking(cluster);
    const LeaderOptions options = patient_options(redis, log).leader;
    LeaderService service(context.get_executor(), "feature", options, redis, log.sink());
    service.start();
    const auto has_asked = [&] {
      return cluster.first_master().probe().exists(own_lock + ":last_term");
    };
    EXPECT_TRUE(co_await eventually(has_asked)) << log.text();
    depose(cluster);
    cluster.first_replica().command({"SET", own_lock, "another"});
    cluster.first_master().command({"DEL", own_lock});
    const auto moves = [&] { return log.contains("names another master", LogLevel::warning); };
    EXPECT_TRUE(co_await eventually(moves, 60s)) << log.text();
    EXPECT_FALSE(log.contains("became leader", LogLevel::info)) << log.text();
    cluster.first_replica().command({"DEL", own_lock});
    const auto leads = [&] { return service.is_leader(); };
    EXPECT_TRUE(co_await eventually(leads)) << log.text();
    co_await service.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(MasterWatch, NorDoesItMakeOneOfAMeshWhoseElectionIsElsewhere) {
  SentinelCluster cluster(with_stubborn_master());
  const RedisServer server;
  cluster.first_master().command({"SET", mesh_lock, "another"});
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    MeshOptions options = patient_options(server.options(), log);
    options.leader_redis = rarely_asking(cluster);
    Node node(context.get_executor(), mesh_key, options);
    co_await node.start();
    const auto has_asked = [&] {
      return cluster.first_master().probe().exists(mesh_lock + ":last_term");
    };
    EXPECT_TRUE(co_await eventually(has_asked)) << log.text();
    depose(cluster);
    cluster.first_replica().command({"SET", mesh_lock, "another"});
    cluster.first_master().command({"DEL", mesh_lock});
    const auto moves = [&] { return log.contains("names another master", LogLevel::warning); };
    EXPECT_TRUE(co_await eventually(moves, 60s)) << log.text();
    EXPECT_FALSE(log.contains("became leader", LogLevel::info)) << log.text();
    co_await node.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(MasterWatch, NorDoesItWhileTheNewMasterDoesNotAnswer) {
  SentinelCluster cluster(with_stubborn_master());
  cluster.first_master().command({"SET", mesh_lock, "another"});
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    Node node(context.get_executor(), mesh_key, patient_options(rarely_asking(cluster), log));
    co_await node.start();
    depose(cluster);
    cluster.first_replica().pause();
    cluster.first_master().command({"DEL", mesh_lock});
    const auto has_refused = [&] {
      return log.contains("is the master no more", LogLevel::warning);
    };
    EXPECT_TRUE(co_await eventually(has_refused)) << log.text();
    EXPECT_FALSE(log.contains("became leader", LogLevel::info)) << log.text();
    cluster.first_replica().resume();
    co_await node.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(MasterWatch, WhereNoSentinelAnswersTheGrantStands) {
  SentinelCluster cluster;
  cluster.first_master().command({"SET", mesh_lock, "another"});
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    Node node(context.get_executor(), mesh_key, patient_options(rarely_asking(cluster), log));
    co_await node.start();
    cluster.sentinel_process().pause();
    cluster.first_master().command({"DEL", mesh_lock});
    const auto leads = [&] { return node.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(leads)) << log.text();
    cluster.sentinel_process().resume();
    co_await node.stop();
  };
  run_coroutine(body, beside_the_body());
}

TEST(MasterWatch, SentinelsThatHangLeaveTimeForTheNewMaster) {
  SentinelCluster cluster(with_stubborn_master());
  const SilentServer before;
  const SilentServer after;
  RedisOptions redis = rarely_asking(cluster);
  const auto local = [](std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); };
  redis.sentinel_host =
      local(before.port()) + "," + cluster.sentinel_list() + "," + local(after.port());
  redis.connect_timeout = 3s;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    LeaderOptions options = patient_options(redis, log).leader;
    options.ttl = 6s;
    // Several, since each draws whom it asks last.
    std::vector<std::unique_ptr<LeaderService>> services;
    for (const char* key : {"one", "two", "three", "four"}) {
      services.push_back(
          std::make_unique<LeaderService>(context.get_executor(), key, options, redis, log.sink()));
      services.back()->start();
    }
    const auto all_lead = [&] {
      return std::ranges::all_of(services,
                                 [](const auto& service) { return service->is_leader(); });
    };
    EXPECT_TRUE(co_await eventually(all_lead)) << log.text();
    depose(cluster);
    const auto all_move = [&] { return log.count("names another master", LogLevel::warning) == 4; };
    EXPECT_TRUE(co_await eventually(all_move, 60s)) << log.text();
    for (const auto& service : services) co_await service->stop();
  };
  run_coroutine(body, beside_the_body());
}

}  // namespace
}  // namespace mesh::test::faults
