#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <mesh/mesh.hpp>
#include <support/channel_recorder.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

const std::string heartbeats = key_of("heartbeats");
const std::string nodes_hash = key_of("nodes");
const std::string next_id = key_of("next_id");

/// Heartbeats that do not come during the test.
MeshOptions without_heartbeats(const RedisOptions& redis, const LogCapture& log) {
  MeshOptions options = patient_options(redis, log);
  options.heartbeat_interval = 10min;
  options.node_ttl = 20min;
  return options;
}

TEST(RegistrationRecovery, ANodeThatWasRemovedRegistersFullyAgainAndSaysSo) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    LogCapture log;
    MeshOptions options = patient_options(server.options(), log);
    options.hostname = "host-of-this-test";
    int reregistered = 0;
    InstanceId id_in_callback = 0;
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    node.set_reregistered_callback([&]() -> asio::awaitable<void> {
      ++reregistered;
      id_in_callback = node.instance_id();
      co_return;
    });
    co_await node.start();
    RedisProbe probe = server.probe();
    for (int round = 1; round <= 2; ++round) {
      EXPECT_EQ(probe.integer({"ZREM", heartbeats, "1"}), 1);
      probe.command({"HDEL", nodes_hash, "1"});
      const auto is_back = [&] {
        return reregistered == round && probe.zscore(heartbeats, "1") &&
               probe.hget(nodes_hash, "1") == "host-of-this-test";
      };
      EXPECT_TRUE(co_await eventually(is_back)) << log.text();
    }
    EXPECT_EQ(id_in_callback, 1);
    EXPECT_EQ(node.instance_id(), 1);
    EXPECT_TRUE(log.contains("had been removed while it was alive", LogLevel::warning));
    const auto nodes = co_await node.get_nodes();
    CO_ASSERT_TRUE(nodes.size() == 1);
    EXPECT_EQ(nodes.front().hostname, "host-of-this-test");
    co_await node.stop();
    EXPECT_EQ(reregistered, 2);
  });
}

TEST(RegistrationRecovery, AHostnameThatIsMissingIsRestored) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    LogCapture log;
    MeshOptions options = patient_options(server.options(), log);
    options.hostname = "host-of-this-test";
    int reregistered = 0;
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    node.set_reregistered_callback([&] { ++reregistered; });
    co_await node.start();
    RedisProbe probe = server.probe();
    EXPECT_EQ(probe.integer({"HDEL", nodes_hash, "1"}), 1);
    const auto is_back = [&] { return probe.hget(nodes_hash, "1") == "host-of-this-test"; };
    EXPECT_TRUE(co_await eventually(is_back));
    co_await node.stop();
    EXPECT_EQ(reregistered, 0);
  });
}

TEST(RegistrationRecovery, WhatTheCallbackThrowsIsLoggedAndTheNodeGoesOn) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    node.set_reregistered_callback([] { throw std::runtime_error("oops, said the callback"); });
    co_await node.start();
    RedisProbe probe = server.probe();
    probe.command({"ZREM", heartbeats, "1"});
    const auto is_logged = [&] { return log.contains("oops, said the callback", LogLevel::error); };
    EXPECT_TRUE(co_await eventually(is_logged));
    const auto score = probe.zscore(heartbeats, "1");
    const auto beats_on = [&] { return probe.zscore(heartbeats, "1") > score; };
    EXPECT_TRUE(co_await eventually(beats_on));
    co_await node.stop();
  });
}

TEST(RegistrationRecovery, ANodeFrozenForLongerThanItsTtlIsRemovedAndComesBack) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    RedisProxy proxy(server);
    LogCapture log;
    std::vector<InstanceId> removed;
    int reregistered = 0;
    MeshOptions options = patient_options(server.options(), log);
    options.node_ttl = 1s;
    Node leader(executor, mesh_key, options);
    leader.set_node_cleaned_up_callback([&](InstanceId id) { removed.push_back(id); });
    co_await leader.start();
    const auto leads = [&] { return leader.leader().is_leader(); };
    CO_ASSERT_TRUE(co_await eventually(leads));

    MeshOptions through_proxy = patient_options(proxy.options(), log);
    through_proxy.node_ttl = 1s;
    through_proxy.redis.health_check_interval = 60s;
    Node frozen(executor, mesh_key, through_proxy);
    register_handlers(frozen);
    frozen.set_reregistered_callback([&] { ++reregistered; });
    co_await frozen.start();
    const InstanceId id = frozen.instance_id();
    proxy.freeze();
    const auto is_removed = [&] { return std::ranges::count(removed, id) > 0; };
    EXPECT_TRUE(co_await eventually(is_removed)) << log.text();
    const auto left = co_await leader.get_nodes();
    EXPECT_EQ(left.size(), 1U);
    // The heartbeat that is stuck on its way does the registering, so its answer has to tell, even
    // after the node has given up on it.
    co_await sleep_for(1500ms);
    proxy.thaw();
    const auto is_back = [&] { return reregistered > 0; };
    EXPECT_TRUE(co_await eventually(is_back)) << log.text();
    EXPECT_EQ(frozen.instance_id(), id);
    EXPECT_TRUE(co_await recovers(leader, id));
    const auto both_listed = [&]() -> asio::awaitable<bool> {
      const auto nodes = co_await leader.get_nodes();
      co_return nodes.size() == 2;
    };
    EXPECT_TRUE(co_await eventually(both_listed));
    co_await frozen.stop();
    co_await leader.stop();
  });
}

TEST(RegistrationRecovery, HeartbeatsRestoreEverythingAfterAFlush) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    LogCapture log;
    std::vector<std::unique_ptr<Node>> nodes;
    std::atomic<int> reregistered = 0;
    for (int i = 0; i < 3; ++i) {
      nodes.push_back(
          std::make_unique<Node>(executor, mesh_key, patient_options(server.options(), log)));
      nodes.back()->set_reregistered_callback([&] { ++reregistered; });
      co_await nodes.back()->start();
    }
    RedisProbe probe = server.probe();
    probe.command({"FLUSHALL"});
    const auto all_back = [&] {
      return reregistered == 3 && probe.integer({"ZCARD", heartbeats}) == 3 &&
             probe.integer({"HLEN", nodes_hash}) == 3 && probe.get(next_id) == "3";
    };
    EXPECT_TRUE(co_await eventually(all_back)) << log.text();
    Node next(executor, mesh_key, patient_options(server.options(), log));
    co_await next.start();
    EXPECT_EQ(next.instance_id(), 4);
    co_await next.stop();
    for (const auto& node : nodes) co_await node->stop();
  });
}

TEST(RegistrationRecovery, AHeartbeatNeverLowersTheNextId) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    co_await node.start();
    RedisProbe probe = server.probe();
    probe.command({"SET", next_id, "1000"});
    const auto score = probe.zscore(heartbeats, "1");
    const auto has_beaten = [&] { return probe.zscore(heartbeats, "1") > score; };
    EXPECT_TRUE(co_await eventually(has_beaten));
    EXPECT_EQ(probe.get(next_id), "1000");
    co_await node.stop();
  });
}

/// As a TypeScript node does, which knows nothing of owners and does not raise the next id.
void register_foreigner(RedisProbe& probe, const std::string& id) {
  probe.command({"ZADD", heartbeats, std::to_string(probe.time().count()), id});
}

TEST(RegistrationRecovery, AHeartbeatRaisesTheNextIdToTheLargestThatIsRegistered) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProbe probe = server.probe();
    probe.command({"SET", mesh_lock, "somebody else", "PX", "600000"});
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    co_await node.start();
    // Of others that have registered again before this node does.
    for (const auto* id : {"3", "20", "30", "123456789012345678901234567890"})
      register_foreigner(probe, id);
    probe.command({"DEL", next_id});
    const auto is_raised_to = [&](const std::string& id) {
      return [&probe, id] { return probe.get(next_id) == id; };
    };
    EXPECT_TRUE(co_await eventually(is_raised_to("30")));
    // Those that come later take the ids that follow, as nobody else registers under them.
    for (const auto* id : {"31", "32"}) register_foreigner(probe, id);
    EXPECT_TRUE(co_await eventually(is_raised_to("32")));
    co_await node.stop();
  });
}

TEST(RegistrationRecovery, TheLeaderRaisesTheNextIdToTheLargestThatIsRegistered) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProbe probe = server.probe();
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    co_await node.start();
    const auto leads = [&] { return node.leader().is_leader(); };
    CO_ASSERT_TRUE(co_await eventually(leads));
    for (const auto* id : {"9", "no id at all", "700"}) register_foreigner(probe, id);
    const auto is_raised = [&] { return probe.get(next_id) == "700"; };
    EXPECT_TRUE(co_await eventually(is_raised));
    Node next(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    co_await next.start();
    EXPECT_EQ(next.instance_id(), 701);
    co_await next.stop();
    co_await node.stop();
  });
}

TEST(RegistrationRecovery, AStartRefusesIdsThatAreRegistered) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProbe probe = server.probe();
    const std::string now = std::to_string(probe.time().count());
    probe.command({"ZADD", heartbeats, now, "1", now, "2", now, "4"});
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key,
              without_heartbeats(server.options(), log));
    co_await node.start();
    EXPECT_EQ(node.instance_id(), 3);
    co_await node.stop();
    co_await node.start();
    EXPECT_EQ(node.instance_id(), 5);
    co_await node.stop();
  });
}

TEST(RegistrationRecovery, AStartRefusesIdsWhoseChannelIsInUse) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    const ChannelRecorder others(server.options(), {channel_of(1), channel_of(2)});
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key,
              without_heartbeats(server.options(), log));
    co_await node.start();
    EXPECT_EQ(node.instance_id(), 3);
    co_await node.stop();
  });
}

TEST(RegistrationRecovery, IdsStayUniqueWhenTheCounterIsLostBeforeAnyHeartbeat) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    LogCapture log;
    std::vector<std::unique_ptr<Node>> nodes;
    for (InstanceId expected = 1; expected <= 4; ++expected) {
      nodes.push_back(
          std::make_unique<Node>(executor, mesh_key, without_heartbeats(server.options(), log)));
      co_await nodes.back()->start();
      EXPECT_EQ(nodes.back()->instance_id(), expected);
      server.command({"FLUSHALL"});
    }
    for (const auto& node : nodes) co_await node->stop();
  });
}

using Nodes = std::vector<std::unique_ptr<Node>>;

/// All run under ids of their own and are registered.
asio::awaitable<bool> are_told_apart(const Nodes& nodes, RedisProbe& probe) {
  const auto distinct = [&] {
    std::set<InstanceId> ids;
    for (const auto& node : nodes) {
      if (node->instance_id() != 0) ids.insert(node->instance_id());
    }
    return ids.size() == nodes.size() &&
           probe.integer({"ZCARD", heartbeats}) == static_cast<std::int64_t>(nodes.size());
  };
  co_return co_await eventually(distinct);
}

TEST(RegistrationRecovery, NodesThatStartAtOnceOnARedisThatLostItsDataGetDifferentIds) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    RedisServer server;
    LogCapture log;
    Nodes nodes;
    std::size_t started = 0;
    const auto start_more = [&](std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) {
        nodes.push_back(
            std::make_unique<Node>(executor, mesh_key, patient_options(server.options(), log)));
        auto complete = [&](const std::exception_ptr& error) {
          EXPECT_FALSE(error);
          ++started;
        };
        nodes.back()->start(asio::bind_executor(executor, complete));
      }
    };
    start_more(5);
    const auto first_started = [&] { return started == 5; };
    CO_ASSERT_TRUE(co_await eventually(first_started));
    server.restart();
    start_more(5);
    const auto all_started = [&] { return started == 10; };
    CO_ASSERT_TRUE(co_await eventually(all_started));
    RedisProbe probe = server.probe();
    EXPECT_TRUE(co_await are_told_apart(nodes, probe)) << log.text();
    for (const auto& node : nodes) co_await node->stop();
  });
}

TEST(RegistrationRecovery, ANodeThatWasCutOffDuringAFlushSharesItsIdWithNobodyAfterwards) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    RedisProxy proxy(server);
    RedisProbe probe = server.probe();
    LogCapture log;
    Nodes nodes;
    nodes.push_back(
        std::make_unique<Node>(executor, mesh_key, patient_options(proxy.options(), log)));
    co_await nodes.back()->start();
    proxy.cut();
    const auto noticed = [&] { return log.count("lost the connection") >= 2; };
    CO_ASSERT_TRUE(co_await eventually(noticed));
    // Nothing in Redis tells of the node any more, so the next one may get the same id.
    probe.command({"FLUSHALL"});
    nodes.push_back(
        std::make_unique<Node>(executor, mesh_key, patient_options(server.options(), log)));
    co_await nodes.back()->start();
    proxy.restore();
    const auto reconnected = [&] { return nodes.front()->stats().reconnects >= 2; };
    EXPECT_TRUE(co_await eventually(reconnected));
    EXPECT_TRUE(co_await are_told_apart(nodes, probe))
        << "ids " << nodes[0]->instance_id() << " and " << nodes[1]->instance_id();
    for (const auto& node : nodes) co_await node->stop();
  });
}

/// In one step, so that no heartbeat comes between: the owner is gone, and the last heartbeat was
/// at another time.
void lose_owner(const RedisServer& server, const std::string& id, std::chrono::milliseconds later) {
  server.command({"EVAL",
                  "redis.call('DEL', KEYS[1]) "
                  "local last = redis.call('ZSCORE', KEYS[2], ARGV[1]) "
                  "redis.call('ZADD', KEYS[2], last + ARGV[2], ARGV[1])",
                  "2", key_of("owner:" + id), heartbeats, id, std::to_string(later.count())});
}

TEST(RegistrationRecovery, ANodeKeepsItsIdWhenRedisIsRestoredFromAnOlderSnapshot) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProbe probe = server.probe();
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    int reregistered = 0;
    node.set_reregistered_callback([&] { ++reregistered; });
    co_await node.start();
    const std::string owner = key_of("owner:1");
    const auto uuid = probe.get(owner);
    lose_owner(server, "1", -30s);
    const auto is_restored = [&] { return probe.get(owner) == uuid; };
    EXPECT_TRUE(co_await eventually(is_restored));
    const auto score = probe.zscore(heartbeats, "1");
    const auto beats_on = [&] { return probe.zscore(heartbeats, "1") > score; };
    EXPECT_TRUE(co_await eventually(beats_on));
    EXPECT_EQ(node.instance_id(), 1);
    co_await node.stop();
    EXPECT_EQ(reregistered, 0);
  });
}

TEST(RegistrationRecovery, ANodeMovesIfItsIdWasTakenByOneThatKnowsNoOwners) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    co_await node.start();
    lose_owner(server, "1", 50ms);
    const auto has_moved = [&] { return node.instance_id() == 2; };
    EXPECT_TRUE(co_await eventually(has_moved));
    co_await node.stop();
  });
}

TEST(RegistrationRecovery, AnEarlierOwnershipOfItsOwnDoesNotMoveANode) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProbe probe = server.probe();
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    const std::string owner = key_of("owner:1");
    co_await node.start();
    const std::string former = probe.text({"GET", owner});
    co_await node.stop();
    probe.command({"FLUSHALL"});
    co_await node.start();
    const auto current = probe.get(owner);
    EXPECT_NE(current, former);
    probe.command({"SET", owner, former});
    const auto is_restored = [&] { return probe.get(owner) == current; };
    EXPECT_TRUE(co_await eventually(is_restored));
    EXPECT_EQ(node.instance_id(), 1);
    co_await node.stop();
  });
}

TEST(RegistrationRecovery, ANodeRunsNoRequestsOfAnIdThatWentToAnotherNode) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    RedisProxy proxy(server);
    LogCapture log;
    Node node(executor, mesh_key, patient_options(proxy.options(), log));
    std::atomic<int> runs = 0;
    node.register_handler<"echo">([&](const std::string& text) {
      ++runs;
      return text;
    });
    co_await node.start();
    const InstanceId old_id = node.instance_id();
    proxy.cut();
    const auto noticed = [&] { return log.count("lost the connection") >= 2; };
    CO_ASSERT_TRUE(co_await eventually(noticed));
    server.command({"FLUSHALL"});
    server.command({"SET", key_of("owner:" + std::to_string(old_id)), "another node"});
    // What is sent to the other node also reaches this one, until it has heard of it.
    std::atomic<bool> ended = false;
    std::atomic<int> reached = 0;
    std::thread sender([&] {
      RedisProbe probe = server.probe();
      const nlohmann::json data = "text";
      for (int i = 0; !ended; ++i) {
        const nlohmann::json request = {{"requestId", "r-" + std::to_string(i)},
                                        {"senderInstanceId", 1000},
                                        {"type", "echo"},
                                        {"data", data},
                                        {"timeoutMs", 1000}};
        if (probe.publish(channel_of(old_id), request.dump()) > 0) ++reached;
      }
    });
    proxy.restore();
    const auto has_moved = [&] { return node.instance_id() != old_id; };
    EXPECT_TRUE(co_await eventually(has_moved));
    ended = true;
    sender.join();
    GTEST_LOG_(INFO) << reached << " requests came too early";
    EXPECT_EQ(runs, 0);
    EXPECT_TRUE(co_await echoes(node, node.instance_id(), 20s));
    co_await node.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
