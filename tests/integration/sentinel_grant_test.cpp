#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/sentinel_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>
#include <support/sentinel_cluster.hpp>

/// While a node that was granted the lock asks the Sentinels whether it counts.
namespace mesh::test::faults {
namespace {

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
  run_coroutine(body, beside_the_body());
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
  run_coroutine(body, beside_the_body());
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
  run_coroutine(body, beside_the_body());
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
  run_coroutine(body, beside_the_body());
}

}  // namespace
}  // namespace mesh::test::faults
