#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>
#include <support/sentinel_cluster.hpp>
#include <support/wait.hpp>

/// Whom nodes ask whether their master is still the master, when, and what follows.
namespace mesh::test::faults {
namespace {

/// The nodes run on a second thread while the body blocks on Sentinel.
RunOptions while_sentinel_works() {
  RunOptions options;
  options.threads = 2;
  options.deadline = 150s;
  return options;
}

std::int64_t info_value(RedisProbe& probe, const std::string& section, const std::string& field) {
  const std::string info = probe.text({"INFO", section});
  return std::stoll(info.substr(info.find(field + ":") + field.size() + 1));
}

/// Counts the connections to each Sentinel from the call of `begin()` on.
class Visits {
 public:
  /// Returns when the Sentinels are connected with each other.
  Visits(const SentinelCluster& cluster, std::size_t sentinels) {
    for (std::size_t i = 0; i < sentinels; ++i) {
      RedisProbe& probe = probes_.emplace_back(cluster.sentinel_probe(i));
      const auto clients = static_cast<std::int64_t>(sentinels);  // the others, and the probe
      const auto are_connected = [&] {
        return info_value(probe, "clients", "connected_clients") >= clients;
      };
      EXPECT_TRUE(wait_until(are_connected, 60s));
    }
    begin();
  }

  void begin() {
    before_.clear();
    for (RedisProbe& probe : probes_) before_.push_back(connections(probe));
  }
  std::int64_t at(std::size_t sentinel) {
    return connections(probes_.at(sentinel)) - before_.at(sentinel);
  }
  std::int64_t all() {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < probes_.size(); ++i) sum += at(i);
    return sum;
  }

 private:
  static std::int64_t connections(RedisProbe& probe) {
    return info_value(probe, "stats", "total_connections_received");
  }

  std::vector<RedisProbe> probes_;
  std::vector<std::int64_t> before_;
};

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

/// Such that only who leads, or is about to, has asked Sentinel before a test ends.
RedisOptions rarely_asking(const SentinelCluster& cluster) {
  RedisOptions redis = cluster.options();
  redis.health_check_interval = 120s;
  return redis;
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
  run_coroutine(body, while_sentinel_works());
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
  run_coroutine(body, while_sentinel_works());
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
  run_coroutine(body, while_sentinel_works());
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
  run_coroutine(body, while_sentinel_works());
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
  run_coroutine(body, while_sentinel_works());
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
  run_coroutine(body, while_sentinel_works());
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
  run_coroutine(body, while_sentinel_works());
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
  run_coroutine(body, while_sentinel_works());
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
  run_coroutine(body, while_sentinel_works());
}

// While a grant waits for Sentinel ----------------------------------------------------------------

/// A node that the lock was granted to, while the Sentinel hangs.
class GrantedNode {
 public:
  explicit GrantedNode(asio::io_context& context) : context_(context) {
    cluster_.first_master().command({"SET", mesh_lock, "another"});
  }

  asio::awaitable<void> start() {
    RedisOptions redis = rarely_asking(cluster_);
    redis.connect_timeout = 40s;
    MeshOptions options = patient_options(redis, log_);
    options.leader.ttl = 120s;
    node_ = std::make_unique<Node>(context_.get_executor(), mesh_key, options);
    co_await node_->start();
    cluster_.sentinel_process().pause();
    cluster_.first_master().command({"DEL", mesh_lock});
    const auto is_granted = [&] { return cluster_.first_master().probe().exists(mesh_lock); };
    EXPECT_TRUE(co_await eventually(is_granted)) << log_.text();
  }

  SentinelCluster& cluster() { return cluster_; }
  const LogCapture& log() const { return log_; }
  std::unique_ptr<Node>& node() { return node_; }
  bool has_led() const { return log_.contains("became leader", LogLevel::info); }
  bool has_refused() const { return log_.contains("is the master no more", LogLevel::warning); }

 private:
  asio::io_context& context_;
  SentinelCluster cluster_;
  LogCapture log_;
  std::unique_ptr<Node> node_;
};

TEST(MasterWatch, AConnectionThatIsLostMeanwhileTakesTheGrantAlong) {
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    GrantedNode granted(context);
    co_await granted.start();
    granted.cluster().first_master().command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    const auto is_lost = [&] { return granted.log().contains("lost the connection"); };
    EXPECT_TRUE(co_await eventually(is_lost)) << granted.log().text();
    granted.cluster().sentinel_process().resume();
    const auto has_refused = [&] { return granted.has_refused(); };
    EXPECT_TRUE(co_await eventually(has_refused)) << granted.log().text();
    const auto leads = [&] { return granted.node()->leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(leads)) << granted.log().text();
    co_await granted.node()->stop();
  };
  run_coroutine(body, while_sentinel_works());
}

TEST(MasterWatch, ALockThatIsLostMeanwhileMakesNoLeader) {
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    GrantedNode granted(context);
    co_await granted.start();
    RedisProbe probe = granted.cluster().first_master().probe();
    probe.command({"SET", mesh_lock, "another"});
    const auto beat = [&] { return probe.zscore(key_of("heartbeats"), "1"); };
    for (int i = 0; i < 2; ++i) {
      const auto beats_again = [&, last = beat()] { return beat() > last; };
      EXPECT_TRUE(co_await eventually(beats_again)) << granted.log().text();
    }
    granted.cluster().sentinel_process().resume();
    const auto has_refused = [&] { return granted.has_refused(); };
    EXPECT_TRUE(co_await eventually(has_refused)) << granted.log().text();
    EXPECT_FALSE(granted.has_led()) << granted.log().text();
    co_await granted.node()->stop();
  };
  run_coroutine(body, while_sentinel_works());
}

TEST(MasterWatch, AStopDoesNotWaitForSentinel) {
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    GrantedNode granted(context);
    co_await granted.start();
    const auto begin = std::chrono::steady_clock::now();
    co_await granted.node()->stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
    EXPECT_FALSE(granted.has_led()) << granted.log().text();
    EXPECT_FALSE(granted.cluster().first_master().probe().exists(mesh_lock));
    granted.cluster().sentinel_process().resume();
  };
  run_coroutine(body, while_sentinel_works());
}

TEST(MasterWatch, ANodeMayBeDestroyedMeanwhile) {
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    GrantedNode granted(context);
    co_await granted.start();
    granted.node().reset();
    granted.cluster().sentinel_process().resume();
    co_await sleep_for(200ms);
    EXPECT_FALSE(granted.has_led()) << granted.log().text();
  };
  run_coroutine(body, while_sentinel_works());
}

}  // namespace
}  // namespace mesh::test::faults
