// The permissions of docs/security.md are enough, and none of them is too much.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/least_privilege.hpp>
#include <support/log_capture.hpp>
#include <support/redis_probe.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>
#include <support/sentinel_cluster.hpp>

namespace mesh::test::faults {
namespace {

const std::string user = "app";
const std::string password = "secret-of-app";

RedisProbe::Command set_user(const std::string& rules) {
  RedisProbe::Command command{"ACL",           "SETUSER", user,          "reset",
                              "resetchannels", "on",      ">" + password};
  std::istringstream words(rules);
  command.insert(command.end(), std::istream_iterator<std::string>(words), {});
  return command;
}

Permissions without(Permissions permissions, const std::string& command) {
  std::erase(permissions.commands, command);
  return permissions;
}

RedisOptions as_user(const RedisServer& server) {
  RedisOptions redis = server.admin_options();
  redis.username = user;
  redis.password = password;
  redis.connect_timeout = 1s;
  return redis;
}

/// What Redis has refused, as "command in context".
std::vector<std::string> refusals(const RedisServer& server) {
  std::vector<std::string> result;
  for (const auto& entry : server.command({"ACL", "LOG"})) {
    std::string object;
    for (std::size_t i = 0; i + 1 < entry.size(); i += 2) {
      if (entry.at(i) == "object") object = entry.at(i + 1).get<std::string>();
    }
    result.push_back(object);
  }
  return result;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

/// The list is read in parts where it is long.
asio::awaitable<void> list_many(Node& node, RedisProbe& probe) {
  constexpr std::size_t count = 5001;
  const std::string now = std::to_string(probe.time().count());
  std::vector<std::string> command{"ZADD", key_of("heartbeats")};
  for (std::size_t i = 0; i < count; ++i) {
    command.insert(command.end(), {now, std::to_string(5000 + i)});
  }
  probe.command(command);
  const auto nodes = co_await node.get_nodes();
  EXPECT_GE(nodes.size(), count);
  probe.command({"ZREMRANGEBYSCORE", key_of("heartbeats"), now, now});
}

// The whole life of a mesh ------------------------------------------------------------------------

/// Everything that two nodes do with Redis. Throws where they cannot.
asio::awaitable<void> live(const RedisServer& server, LogCapture& log) {
  const auto executor = co_await asio::this_coro::executor;
  RedisOptions redis = as_user(server);
  MeshOptions options = patient_options(redis, log);
  options.redis.database = 1;
  options.node_ttl = 2s;
  options.redis.health_check_interval = 200ms;
  redis.database = 1;
  RedisOptions of_admin = server.admin_options();
  of_admin.database = 1;
  RedisProbe probe(of_admin);

  Node a(executor, mesh_key, options);
  Node b(executor, mesh_key, options);
  register_handlers(a);
  register_handlers(b);
  std::vector<InstanceId> cleaned_up;
  a.set_node_cleaned_up_callback([&](InstanceId id) { cleaned_up.push_back(id); });
  co_await a.start();
  co_await b.start();
  if (!co_await echoes(a, b.instance_id(), 5s)) throw std::runtime_error("no answer");
  const auto nodes = co_await a.get_nodes();
  EXPECT_EQ(nodes.size(), 2U);
  co_await list_many(a, probe);
  const std::string news = "spring";
  co_await a.broadcast<"news">(news);

  // A dead node is removed, a lost registration made again, and a lost id exchanged.
  probe.command({"ZADD", key_of("heartbeats"), "1", "77"});
  probe.command({"HSET", key_of("nodes"), "77", "ghost-host", "78", "never there"});
  const auto is_done = [&] { return !cleaned_up.empty() || !joined(refusals(server)).empty(); };
  EXPECT_TRUE(co_await eventually(is_done)) << log.text();
  const auto is_tidy = [&] {
    return !probe.hget(key_of("nodes"), "78") || !joined(refusals(server)).empty();
  };
  EXPECT_TRUE(co_await eventually(is_tidy)) << log.text();
  probe.command({"ZREM", key_of("heartbeats"), std::to_string(b.instance_id())});
  const auto is_back = [&] { return log.contains("registered again"); };
  const auto back_or_refused = [&] { return is_back() || !joined(refusals(server)).empty(); };
  EXPECT_TRUE(co_await eventually(back_or_refused)) << log.text();
  const InstanceId old_id = b.instance_id();
  probe.command({"SET", key_of("owner:" + std::to_string(old_id)), "another node"});
  const auto moved = [&] { return b.instance_id() != old_id || !joined(refusals(server)).empty(); };
  EXPECT_TRUE(co_await eventually(moved)) << log.text();

  // Leadership is prolonged, and scripts are sent again.
  co_await sleep_for(300ms);
  probe.command({"SCRIPT", "FLUSH"});
  co_await a.get_nodes();
  co_await a.stop();
  co_await b.stop();
}

struct Life {
  std::optional<std::string> failure;
  std::vector<std::string> refused;
  std::string log;
};

Life live_with(const Permissions& permissions) {
  const RedisServer server;
  server.command(set_user(permissions.rules()));
  Life life;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    try {
      co_await live(server, log);
    } catch (const std::exception& error) {
      life.failure = error.what();
    }
    life.log = log.text();
  });
  life.refused = refusals(server);
  return life;
}

Permissions of_node() { return node_permissions("test", "test", mesh_key); }

TEST(Acl, APermissionSuffices) {
  const Life life = live_with(of_node());
  EXPECT_EQ(life.failure.value_or(""), "");
  EXPECT_EQ(joined(life.refused), "") << life.log;
  EXPECT_EQ(life.log.find("NOPERM"), std::string::npos) << life.log;
}

class AclCommand : public ::testing::TestWithParam<std::string> {};

TEST_P(AclCommand, IsNeeded) {
  const std::string& command = GetParam();
  if (command == "role") return;  // only with Sentinel: see below
  const Life life = live_with(without(of_node(), command));
  EXPECT_TRUE(std::ranges::any_of(life.refused,
                                  [&](const std::string& refused) { return refused == command; }))
      << "nobody missed it; refused was: " << joined(life.refused) << "\n"
      << life.log;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '|', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Acl, AclCommand, ::testing::ValuesIn(of_node().commands), test_name);

// A missing permission says so --------------------------------------------------------------------

/// The error of a start without the command.
std::string failure_without(const std::string& command) {
  const RedisServer server;
  server.command(set_user(without(of_node(), command).rules()));
  std::string what;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(as_user(server), log));
    try {
      co_await node.start();
      ADD_FAILURE() << "it started without " << command;
      co_await node.stop();
    } catch (const MeshError& error) {
      what = error.what();
    }
    EXPECT_FALSE(log.contains(password)) << log.text();
  });
  return what;
}

TEST(Acl, AStartWithoutACommandNamesIt) {
  EXPECT_NE(failure_without("script|load").find("'script|load'"), std::string::npos);
  EXPECT_NE(failure_without("evalsha").find("'evalsha'"), std::string::npos);
}

TEST(Acl, AStartWithoutACommandOfAScriptFailsAtOnce) {
  for (const std::string command : {"incr", "zadd"}) {
    const std::string failure = failure_without(command);
    // Redis 7.0 does not tell which.
    const bool is_told = failure.find("can't run this command") != std::string::npos ||
                         failure.find("'" + command + "'") != std::string::npos;
    EXPECT_TRUE(is_told) << failure;
  }
}

TEST(Acl, AStartWithoutSubscribeNamesIt) {
  EXPECT_NE(failure_without("subscribe").find("'subscribe'"), std::string::npos);
}

// Its heartbeats look at the lock.
TEST(Acl, ANodeThatMayNotTouchTheLockLives) {
  const RedisServer server;
  Permissions permissions = of_node();
  std::erase_if(permissions.keys,
                [](const std::string& key) { return key.starts_with(mesh_lock); });
  server.command(set_user(permissions.rules()));
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(as_user(server), log));
    co_await node.start();
    RedisProbe probe = server.probe();
    const std::string member = std::to_string(node.instance_id());
    const auto score = [&] { return probe.zscore(key_of("heartbeats"), member).value_or(0); };
    for (int i = 0; i < 3; ++i) {
      const auto advanced = [&, before = score()] { return score() > before; };
      EXPECT_TRUE(co_await eventually(advanced)) << log.text();
    }
    EXPECT_FALSE(log.contains("heartbeat failed")) << log.text();
    EXPECT_FALSE(node.leader().is_leader());
    co_await node.stop();
  });
}

// One of before there were infos.
TEST(Acl, ANodeLivesWithAnAclThatNamesEachKey) {
  const RedisServer server;
  Permissions permissions = of_node();
  std::erase_if(permissions.keys,
                [](const std::string& key) { return !key.starts_with(mesh_lock); });
  for (const char* name : {"next_id", "heartbeats", "nodes", "owner:*", "reports"}) {
    permissions.keys.push_back(key_of(name));
  }
  std::erase(permissions.commands, "hrandfield");
  server.command(set_user(permissions.rules()));
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    const auto executor = co_await asio::this_coro::executor;
    const MeshOptions options = patient_options(as_user(server), log);
    Node a(executor, mesh_key, options);
    Node b(executor, mesh_key, options);
    std::vector<InstanceId> joined;
    a.watch_nodes([&](NodeChange, const MeshNode& node) { joined.push_back(node.instance_id); });
    co_await a.start();
    co_await b.start();
    EXPECT_TRUE(co_await eventually([&] { return !joined.empty(); })) << log.text();
    const auto nodes = co_await a.get_nodes();
    EXPECT_EQ(nodes.size(), 2U);
    const auto infos = co_await a.get_node_infos();
    EXPECT_EQ(infos.size(), 2U);
    EXPECT_TRUE(co_await eventually([&] { return a.leader().is_leader(); })) << log.text();
    RedisProbe probe = server.probe();
    probe.command({"ZADD", key_of("heartbeats"), "1", "77"});
    const auto is_removed = [&] { return !probe.zscore(key_of("heartbeats"), "77").has_value(); };
    EXPECT_TRUE(co_await eventually(is_removed)) << log.text();
    EXPECT_FALSE(log.contains("heartbeat failed")) << log.text();
    EXPECT_TRUE(log.contains("can tell nobody what it serves")) << log.text();
    co_await b.stop();
    co_await a.stop();
    EXPECT_FALSE(log.contains("left for the leader")) << log.text();
  });
}

TEST(Acl, OtherMeshesAreOutOfReach) {
  const RedisServer server;
  server.command(set_user(of_node().rules()));
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    MeshOptions options = patient_options(as_user(server), log);
    Node node(co_await asio::this_coro::executor, "other", options);
    const auto error = co_await expect_error<MeshRedisError>(node.start());
    CO_ASSERT_TRUE(error);
    EXPECT_NE(std::string(error->what()).find("NOPERM"), std::string::npos) << error->what();
  });
  RedisProbe probe(as_user(server));
  EXPECT_THROW(probe.publish("test:mesh:other:node:1", "{}"), RedisProbeError);
  EXPECT_THROW(probe.command({"SUBSCRIBE", "test:mesh:other:node:1"}), RedisProbeError);
  EXPECT_THROW(probe.command({"PSUBSCRIBE", "*"}), RedisProbeError);
  EXPECT_THROW(probe.command({"DEL", "test:leader:mesh:faults-of-others"}), RedisProbeError);
  EXPECT_THROW(probe.command({"FLUSHALL"}), RedisProbeError);
  EXPECT_THROW(probe.command({"CONFIG", "GET", "*"}), RedisProbeError);
  EXPECT_THROW(probe.command({"KEYS", "*"}), RedisProbeError);
}

// The other users ---------------------------------------------------------------------------------

Permissions of_leader() { return leader_permissions("test", "feature"); }

/// A term of office. False if there was none.
bool lead_with(const Permissions& permissions, std::vector<std::string>& refused) {
  const RedisServer server;
  server.command(set_user(permissions.rules()));
  bool led = false;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    LeaderOptions options;
    options.ttl = 2s;
    options.renewal_interval = 400ms;  // so there is silence enough for a PING
    options.retry_delay = 50ms;
    options.wait_after_data_loss = false;
    RedisOptions redis = as_user(server);
    redis.database = 1;
    redis.health_check_interval = 200ms;
    LeaderService leader(co_await asio::this_coro::executor, "feature", options, redis, log.sink());
    leader.start();
    const auto leads = [&] { return leader.is_leader(); };
    const auto leads_or_not = [&] { return leads() || !log.lines().empty(); };
    co_await eventually(leads_or_not);
    led = co_await eventually(leads, 1s);
    const auto stays = [&] { return leader.is_leader(); };
    EXPECT_EQ(co_await holds_for(stays, 600ms), led);
    server.command({"SCRIPT", "FLUSH"});
    co_await sleep_for(600ms);  // by then the lock is renewed
    co_await leader.stop();
  });
  refused = refusals(server);
  return led;
}

TEST(Acl, APermissionSufficesForAnElection) {
  std::vector<std::string> refused;
  EXPECT_TRUE(lead_with(of_leader(), refused));
  EXPECT_EQ(joined(refused), "");
}

TEST(Acl, AnElectionDoesWithoutInfo) {
  std::vector<std::string> refused;
  EXPECT_TRUE(lead_with(without(of_leader(), "info"), refused));
}

class AclLeaderCommand : public ::testing::TestWithParam<std::string> {};

TEST_P(AclLeaderCommand, IsNeeded) {
  if (GetParam() == "role") return;  // only with Sentinel: see below
  std::vector<std::string> refused;
  lead_with(without(of_leader(), GetParam()), refused);
  EXPECT_FALSE(refused.empty());
}

INSTANTIATE_TEST_SUITE_P(Acl, AclLeaderCommand, ::testing::ValuesIn(of_leader().commands),
                         test_name);

TEST(Acl, TheRoleIsAskedOnlyWithSentinel) {
  SentinelCluster cluster;
  run_coroutine([&]() -> asio::awaitable<void> {
    RedisOptions redis = cluster.options();
    redis.username = user;
    redis.password = password;
    RedisProbe master = cluster.first_master().probe();
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    master.command(set_user(of_node().rules()));
    co_await node.start();
    co_await node.stop();
    master.command(set_user(without(of_node(), "role").rules()));
    const auto error = co_await expect_error<MeshConnectionError>(node.start());
    CO_ASSERT_TRUE(error);
    EXPECT_NE(error->cause().find("ROLE was refused: NOPERM"), std::string::npos) << error->cause();
  });
}

TEST(Acl, ASentinelUserNeedsNoMore) {
  SentinelCluster cluster;
  RedisProbe sentinel = cluster.sentinel_probe();
  sentinel.command(set_user(sentinel_permissions().rules()));
  RedisOptions address;
  address.port = cluster.sentinel_port();
  address.username = user;
  address.password = password;
  RedisProbe probe(address);
  const auto master = probe.array({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", SentinelCluster::name()});
  EXPECT_EQ(master.at(1), std::to_string(cluster.first_master().port()));
  EXPECT_FALSE(probe.array({"SENTINEL", "MASTER", SentinelCluster::name()}).empty());
  EXPECT_THROW(probe.command({"SENTINEL", "FAILOVER", SentinelCluster::name()}), RedisProbeError);
}

// What the documentation says ---------------------------------------------------------------------

std::string documentation() {
  std::ifstream file(MESH_TEST_DOCS "/security.md");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  // Lines that go on, as in a shell.
  const std::string seam = "\\\n  ";
  for (auto at = text.find(seam); at != std::string::npos; at = text.find(seam, at)) {
    text.erase(at, seam.size());
  }
  return text;
}

void expect_documented(const Permissions& permissions) {
  const std::string line = "reset resetchannels on >{password} " + permissions.rules() + "\n";
  EXPECT_NE(documentation().find(line), std::string::npos) << "security.md has no line\n" << line;
}

TEST(Acl, TheDocumentationHasTheSamePermissions) {
  expect_documented(node_permissions("{prefix}", "{mutex_prefix}", "{key}"));
  expect_documented(leader_permissions("{mutex_prefix}", "{key}"));
  expect_documented(cluster_node_permissions("{prefix}", "{key}"));
  expect_documented(cluster_leader_permissions("{mutex_prefix}", "{key}"));
  expect_documented(sentinel_permissions());
}

}  // namespace
}  // namespace mesh::test::faults
