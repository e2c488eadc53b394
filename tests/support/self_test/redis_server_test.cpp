#include <support/redis_server.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include <support/channel_recorder.hpp>
#include <support/sentinel_cluster.hpp>
#include <support/wait.hpp>

namespace mesh::test {
namespace {

using namespace std::chrono_literals;

TEST(RedisServer, AnswersOnTcpAndSocket) {
  const RedisServer server;
  EXPECT_EQ(RedisProbe(server.options()).text({"PING"}), "PONG");
  EXPECT_EQ(RedisProbe(server.socket_options()).text({"PING"}), "PONG");
  EXPECT_GT(server.port(), 0);
}

TEST(RedisServer, CanDoWithoutTcp) {
  RedisServerOptions options;
  options.tcp = false;
  const RedisServer server(options);
  EXPECT_EQ(server.port(), 0);
  EXPECT_EQ(server.options().unix_socket, server.socket());
  EXPECT_EQ(RedisProbe(server.options()).text({"PING"}), "PONG");
}

TEST(RedisServer, LetsNodesDoOnlyWhatTheyNeed) {
  const RedisServer server;
  RedisProbe of_node(server.options());
  EXPECT_EQ(of_node.text({"SET", "test:mesh:key:name", "value"}), "OK");
  EXPECT_THROW(of_node.command({"SET", "other:mesh:key:name", "value"}), RedisProbeError);
  EXPECT_THROW(of_node.command({"KEYS", "*"}), RedisProbeError);
  EXPECT_EQ(RedisProbe(server.admin_options()).keys().size(), 1U);
  EXPECT_EQ(server.probe().keys().size(), 1U);
}

TEST(RedisServer, RefusesWithoutItsPassword) {
  RedisServerOptions options;
  options.password = "secret";
  const RedisServer server(options);
  EXPECT_EQ(RedisProbe(server.options()).text({"PING"}), "PONG");
  RedisOptions without = server.options();
  without.password.clear();
  EXPECT_THROW(RedisProbe(without).command({"PING"}), RedisProbeError);
}

TEST(RedisServer, RestartsEmptyOrWithDataOnTheSamePort) {
  RedisServer server;
  const auto port = server.port();
  server.command({"SET", "key", "value"});
  server.restart_with_data();
  EXPECT_EQ(server.probe().get("key"), "value");
  server.restart();
  EXPECT_FALSE(server.probe().exists("key"));
  EXPECT_EQ(RedisProbe(server.options()).text({"PING"}), "PONG");
  EXPECT_EQ(server.port(), port);
}

TEST(RedisServer, DoesNotAnswerWhilePaused) {
  RedisServer server;
  RedisProbe probe = server.probe(100ms);
  server.pause();
  EXPECT_THROW(probe.command({"PING"}), RedisProbeError);
  server.resume();
  EXPECT_EQ(server.probe().text({"PING"}), "PONG");
}

TEST(RedisServer, TakesFurtherConfiguration) {
  RedisServerOptions options;
  options.config = {"maxclients 77"};
  const RedisServer server(options);
  EXPECT_EQ(server.command({"CONFIG", "GET", "maxclients"}).at(1), "77");
}

TEST(RedisServer, BrokenConfigurationIsAnErrorWithItsLog) {
  RedisServerOptions options;
  options.config = {"no-such-directive 1"};
  try {
    const RedisServer server(options);
    FAIL() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("no-such-directive"), std::string::npos);
  }
}

TEST(RedisProbe, ReadsEveryKindOfReply) {
  const RedisServer server;
  RedisProbe probe = server.probe();
  probe.command({"ZADD", "z", "1.5", "m"});
  probe.command({"HSET", "h", "f", "v"});
  EXPECT_EQ(probe.zscore("z", "m"), 1.5);
  EXPECT_FALSE(probe.zscore("z", "other"));
  EXPECT_EQ(probe.hget("h", "f"), "v");
  EXPECT_FALSE(probe.hget("h", "other"));
  EXPECT_FALSE(probe.get("none"));
  EXPECT_EQ(probe.integer({"INCR", "n"}), 1);
  EXPECT_EQ(probe.keys().size(), 3U);
  EXPECT_EQ(probe.command({"EVAL", "return {1, false, {'a'}}", "0"}),
            nlohmann::json::parse(R"([1, null, ["a"]])"));
  EXPECT_THROW(probe.command({"NOSUCH"}), RedisProbeError);
  EXPECT_GT(probe.time(), std::chrono::hours(24 * 365 * 50));
}

TEST(RedisProbe, CountsCommands) {
  const RedisServer server;
  RedisProbe probe = server.probe();
  for (int i = 0; i < 3; ++i) probe.command({"HGET", "h", "f"});
  EXPECT_THROW(probe.command({"HGET", "h"}), RedisProbeError);
  const CommandStats stats = probe.command_stats();
  EXPECT_EQ(stats.calls("hget"), 3);
  EXPECT_EQ(stats.refusals("hget"), 1);
  EXPECT_EQ(stats.calls("hgetall"), 0);
  EXPECT_EQ(stats.refusals("hgetall"), 0);
}

TEST(ChannelRecorder, KeepsWhatIsPublished) {
  const RedisServer server;
  RedisProbe probe = server.probe();
  {
    const ChannelRecorder recorder(server.admin_options(), {"one", "two"});
    EXPECT_EQ(probe.subscribers("one"), 1);
    EXPECT_EQ(probe.publish("one", R"({"a":1})"), 1);
    EXPECT_EQ(probe.publish("two", "2"), 1);
    EXPECT_EQ(probe.publish("three", "3"), 0);
    ASSERT_TRUE(wait_until([&] { return recorder.size() == 2; }));
    EXPECT_EQ(recorder.messages().at(1).channel, "two");
    EXPECT_EQ(recorder.json().at(0).at("a"), 1);
  }
  EXPECT_TRUE(wait_until([&] { return probe.subscribers("one") == 0; }));
}

TEST(ChannelRecorder, CannotSubscribeWithoutRedis) {
  RedisServer server;
  server.kill();
  EXPECT_THROW(ChannelRecorder(server.options(), {"one"}), RedisProbeError);
}

TEST(SentinelCluster, PromotesTheReplicaOnRequest) {
  SentinelCluster cluster;
  EXPECT_EQ(cluster.master_port(), cluster.first_master().port());
  cluster.master().command({"SET", "key", "value"});
  cluster.failover();
  EXPECT_EQ(cluster.master_port(), cluster.first_replica().port());
  EXPECT_EQ(&cluster.master(), &cluster.first_replica());
  EXPECT_EQ(cluster.master().command({"ROLE"}).at(0), "master");
}

TEST(SentinelCluster, PromotesTheReplicaWhenTheMasterDies) {
  SentinelCluster cluster(3);
  cluster.first_master().kill();
  EXPECT_TRUE(wait_until([&] { return cluster.is_failed_over(); }, 60s));
}

}  // namespace
}  // namespace mesh::test
