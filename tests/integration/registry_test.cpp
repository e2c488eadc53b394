#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <integration/support/mesh_test.hpp>

namespace mesh::test {
namespace {

class Registry : public MeshTest {
 protected:
  /// Collects the ids that a node reports as removed.
  struct Removals {
    std::vector<InstanceId> ids;
    std::vector<InstanceId> sorted() const {
      std::vector<InstanceId> result = ids;
      std::ranges::sort(result);
      return result;
    }
  };
  using Ids = std::vector<InstanceId>;
};

std::string this_host() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

TEST_F(Registry, HandsOutIdsFromOneUpwards) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto first = co_await start_node();
    EXPECT_EQ(probe().get(name("next_id")), "1");
    const auto second = co_await start_node();
    const auto third = co_await start_node();
    EXPECT_EQ(first->instance_id(), 1);
    EXPECT_EQ(second->instance_id(), 2);
    EXPECT_EQ(third->instance_id(), 3);
    EXPECT_EQ(probe().get(name("next_id")), "3");
    co_await first->stop();
    co_await second->stop();
    co_await third->stop();
  });
}

TEST_F(Registry, ContinuesWithTheCounterFoundInRedis) {
  probe().command({"SET", name("next_id"), "41"});
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    EXPECT_EQ(node->instance_id(), 42);
    co_await node->stop();
    EXPECT_EQ(probe().get(name("next_id")), "42");
  });
}

TEST_F(Registry, SkipsAnIdThatIsAlive) {
  register_ghost(1, static_cast<double>(probe().time().count()));
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    EXPECT_EQ(node->instance_id(), 2);
    co_await node->stop();
  });
}

TEST_F(Registry, LargeIdsAreExact) {
  run_coroutine([&]() -> asio::awaitable<void> {
    probe().command({"SET", name("next_id"), "100000000000000"});
    const auto first = co_await start_node();
    EXPECT_EQ(first->instance_id(), 100000000000001);
    EXPECT_TRUE(probe().exists(name("owner:100000000000001")));
    EXPECT_FALSE(probe().exists(name("owner:1e+14")));
    probe().command({"SET", name("next_id"), "9007199254740990"});
    const auto last = co_await start_node();
    EXPECT_EQ(last->instance_id(), 9007199254740991);
    EXPECT_TRUE(probe().exists(name("owner:9007199254740991")));
    EXPECT_TRUE(co_await heartbeats_pass(last->instance_id(), 2));
    EXPECT_EQ(probe().get(name("next_id")), "9007199254740991");
    co_await last->stop();
    co_await first->stop();
  });
}

TEST_F(Registry, AnIdThatIsTakenIsPassedOverHoweverLargeItIs) {
  run_coroutine([&]() -> asio::awaitable<void> {
    probe().command({"SET", name("next_id"), "100000000000000"});
    probe().command({"SET", name("owner:100000000000001"), "another node"});
    const ChannelRecorder other(redis().options(), {channel(100000000000002)});
    const auto node = co_await start_node();
    EXPECT_EQ(node->instance_id(), 100000000000003);
    co_await node->stop();
  });
}

TEST_F(Registry, IdsThatAreNotExactAreRefusedByName) {
  run_coroutine([&]() -> asio::awaitable<void> {
    probe().command({"SET", name("next_id"), "9007199254740991"});
    const auto node = co_await make_node();
    const auto error = co_await expect_error<MeshRedisError>(node->start());
    CO_ASSERT_TRUE(error);
    const std::string what = error->what();
    EXPECT_NE(what.find(name("next_id") + " has reached 2^53"), std::string::npos) << what;
  });
}

TEST_F(Registry, InstanceIdIsZeroBeforeStartAndAfterStop) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    EXPECT_EQ(node->instance_id(), 0);
    co_await node->start();
    EXPECT_EQ(node->instance_id(), 1);
    co_await node->stop();
    EXPECT_EQ(node->instance_id(), 0);
  });
}

TEST_F(Registry, KeepsEachKeyInItsDocumentedShape) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    EXPECT_EQ(probe().text({"TYPE", name("next_id")}), "string");
    EXPECT_EQ(probe().text({"TYPE", name("heartbeats")}), "zset");
    EXPECT_EQ(probe().text({"TYPE", name("nodes")}), "hash");
    EXPECT_EQ(probe().array({"ZRANGE", name("heartbeats"), "0", "-1"}),
              std::vector<std::string>{"1"});
    EXPECT_EQ(probe().array({"HKEYS", name("nodes")}), std::vector<std::string>{"1"});
    co_await node->stop();
  });
}

TEST_F(Registry, SubscribesToItsOwnChannelAndToTheBroadcasts) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    EXPECT_EQ(probe().subscribers(channel(1)), 1);
    EXPECT_EQ(probe().subscribers(channel(2)), 0);
    EXPECT_EQ(probe().subscribers(name("broadcast")), 1);
    co_await node->stop();
  });
}

TEST_F(Registry, RecordsTheHostName) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    EXPECT_EQ(probe().hget(name("nodes"), "1"), this_host());
    co_await node->stop();
  });
}

TEST_F(Registry, RecordsTheHostNameOfTheOptions) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.hostname = "web-server-01";
    const auto node = co_await start_node(node_options);
    EXPECT_EQ(probe().hget(name("nodes"), "1"), "web-server-01");
    const auto nodes = co_await node->get_nodes();
    CO_ASSERT_TRUE(nodes.size() == 1);
    EXPECT_EQ(nodes[0].hostname, "web-server-01");
    co_await node->stop();
  });
}

TEST_F(Registry, ScoresHeartbeatsWithTheRedisServersTimeInMilliseconds) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto before = probe().time();
    const auto time_calls = calls_of("time");
    const auto node = co_await start_node();
    EXPECT_GT(calls_of("time"), time_calls);
    const double score = last_heartbeat(1);
    EXPECT_GE(score, static_cast<double>(before.count()));
    EXPECT_LE(score, static_cast<double>(probe().time().count()));
    EXPECT_EQ(score, std::floor(score));
    co_await node->stop();
  });
}

TEST_F(Registry, HeartbeatsAtTheHeartbeatInterval) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.heartbeat_interval = 200ms;
    const auto started = static_cast<double>(probe().time().count());
    const auto node = co_await start_node(node_options);
    for (int heartbeat = 1; heartbeat <= 5; ++heartbeat) {
      CO_ASSERT_TRUE(co_await heartbeats_pass(1, 1));
      EXPECT_GE(last_heartbeat(1), started + heartbeat * 200 - 2) << "too early";
    }
    co_await node->stop();
  });
}

TEST_F(Registry, StopRemovesHeartbeatAndHostName) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto other = co_await start_node();
    co_await node->stop();
    EXPECT_FALSE(is_registered(1));
    EXPECT_FALSE(probe().hget(name("nodes"), "1"));
    EXPECT_TRUE(is_registered(2));
    EXPECT_TRUE(probe().hget(name("nodes"), "2"));
    co_await other->stop();
    EXPECT_FALSE(probe().exists(name("heartbeats")));
    EXPECT_FALSE(probe().exists(name("nodes")));
  });
}

TEST_F(Registry, NodesWithDifferentKeysAreIndependent) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const MeshOptions node_options = options();
    Service other(executor, key() + "-other", node_options);
    const auto node = co_await start_node();
    const auto second = co_await start_node();
    co_await other.start();
    EXPECT_EQ(other.instance_id(), 1);
    EXPECT_EQ((co_await other.get_nodes()).size(), 1U);
    EXPECT_EQ((co_await node->get_nodes()).size(), 2U);
    const Text request = text_of("x");
    co_await expect_error<MeshNodeUnreachableError>(other.invoke<"echo">(2, request));
    co_await other.stop();
    co_await second->stop();
    co_await node->stop();
  });
}

TEST_F(Registry, NodesWithDifferentPrefixesAreIndependent) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions elsewhere = options();
    elsewhere.redis = redis().admin_options();
    elsewhere.redis.prefix = "elsewhere";
    const auto node = co_await start_node();
    const auto other = co_await start_node(elsewhere);
    EXPECT_EQ(other->instance_id(), 1);
    const std::string stem = "elsewhere:mesh:" + key();
    const std::string heartbeats = (on_cluster() ? "{" + stem + "}" : stem) + ":heartbeats";
    EXPECT_TRUE(probe().at_primary_of(heartbeats).exists(heartbeats));
    EXPECT_EQ((co_await other->get_nodes()).size(), 1U);
    co_await other->stop();
    co_await node->stop();
  });
}

// get_nodes() -------------------------------------------------------------------------------------

TEST_F(Registry, GetNodesListsIdHostNameAndSelfInAscendingOrder) {
  probe().command({"SET", name("next_id"), "8"});
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto first = co_await start_node();
    const auto second = co_await start_node();
    const auto third = co_await start_node();
    const std::vector<MeshNode> nodes = co_await second->get_nodes();
    const std::vector<MeshNode> expected{
        {9, this_host(), false}, {10, this_host(), true}, {11, this_host(), false}};
    EXPECT_EQ(nodes, expected);
    co_await first->stop();
    co_await second->stop();
    co_await third->stop();
  });
}

TEST_F(Registry, GetNodesOmitsStoppedNodes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto first = co_await start_node();
    const auto second = co_await start_node();
    EXPECT_EQ((co_await first->get_nodes()).size(), 2U);
    co_await second->stop();
    const std::vector<MeshNode> nodes = co_await first->get_nodes();
    CO_ASSERT_TRUE(nodes.size() == 1);
    EXPECT_EQ(nodes[0].instance_id, 1);
    co_await first->stop();
  });
}

TEST_F(Registry, GetNodesOmitsNodesWhoseLastHeartbeatIsOlderThanTheTtl) {
  occupy_leadership();  // so that nobody removes them
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto now = static_cast<double>(probe().time().count());
    register_ghost(7, now - 61000);
    register_ghost(8, now - 1000);
    std::vector<InstanceId> ids;
    for (const MeshNode& listed : co_await node->get_nodes()) ids.push_back(listed.instance_id);
    EXPECT_EQ(ids, (std::vector<InstanceId>{1, 8}));
    EXPECT_TRUE(is_registered(7));
    co_await node->stop();
  });
}

TEST_F(Registry, GetNodesListsNodesWithoutHostName) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    register_ghost(7, static_cast<double>(probe().time().count()));
    probe().command({"HDEL", name("nodes"), "7"});
    const std::vector<MeshNode> nodes = co_await node->get_nodes();
    CO_ASSERT_TRUE(nodes.size() == 2);
    EXPECT_EQ(nodes[1], (MeshNode{7, "unknown", false}));
    co_await node->stop();
  });
}

// The election and the clean-up
// ---------------------------------------------------------------------

TEST_F(Registry, ExactlyOneNodeLeads) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto first = co_await start_node();
    CO_ASSERT_TRUE(co_await eventually([&] { return first->leader().is_leader(); }));
    const auto second = co_await start_node();
    CO_ASSERT_TRUE(co_await heartbeats_pass(2, 3));
    EXPECT_TRUE(first->leader().is_leader());
    EXPECT_FALSE(second->leader().is_leader());
    co_await first->stop();
    EXPECT_FALSE(first->leader().is_leader());
    EXPECT_TRUE(co_await eventually([&] { return second->leader().is_leader(); }));
    co_await second->stop();
  });
}

TEST_F(Registry, TheLeaderHoldsTheLockOfTheMesh) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    CO_ASSERT_TRUE(co_await eventually([&] { return node->leader().is_leader(); }));
    const auto value = probe().get(lock()).value_or("");
    EXPECT_TRUE(std::regex_match(
        value, std::regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")))
        << value;
    const auto remaining = probe().integer({"PTTL", lock()});
    EXPECT_GT(remaining, 0);
    EXPECT_LE(remaining, 30000);
    co_await node->stop();
    EXPECT_FALSE(probe().exists(lock()));
  });
}

TEST_F(Registry, TheLeaderRemovesExpiredNodesAndReportsEachOnce) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    Removals removals;
    auto note = [&removals](InstanceId id) { removals.ids.push_back(id); };
    node->set_node_cleaned_up_callback(note);
    register_ghost(7);
    register_ghost(8);
    CO_ASSERT_TRUE(co_await eventually([&] { return removals.ids.size() >= 2; }));
    EXPECT_FALSE(is_registered(7));
    EXPECT_FALSE(is_registered(8));
    EXPECT_FALSE(probe().hget(name("nodes"), "7"));
    EXPECT_FALSE(probe().hget(name("nodes"), "8"));
    EXPECT_TRUE(co_await heartbeats_pass(1, 4));
    EXPECT_EQ(removals.sorted(), (Ids{7, 8}));
    EXPECT_TRUE(is_registered(1));
    co_await node->stop();
  });
}

TEST_F(Registry, OnlyTheLeaderReportsRemovedNodes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto leader = co_await start_node();
    CO_ASSERT_TRUE(co_await eventually([&] { return leader->leader().is_leader(); }));
    const auto follower = co_await start_node();
    Removals by_leader;
    Removals by_follower;
    auto note_leader = [&](InstanceId id) { by_leader.ids.push_back(id); };
    auto note_follower = [&](InstanceId id) { by_follower.ids.push_back(id); };
    leader->set_node_cleaned_up_callback(note_leader);
    follower->set_node_cleaned_up_callback(note_follower);
    register_ghost(7);
    CO_ASSERT_TRUE(co_await eventually([&] { return !by_leader.ids.empty(); }));
    EXPECT_TRUE(co_await heartbeats_pass(2, 4));
    EXPECT_EQ(by_leader.ids, Ids{7});
    EXPECT_TRUE(by_follower.ids.empty());

    co_await leader->stop();
    register_ghost(8);
    CO_ASSERT_TRUE(co_await eventually([&] { return !by_follower.ids.empty(); }));
    EXPECT_EQ(by_follower.ids, Ids{8});
    EXPECT_EQ(by_leader.ids, Ids{7});
    co_await follower->stop();
  });
}

TEST_F(Registry, NobodyCleansUpWithoutLeading) {
  occupy_leadership();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    register_ghost(7);
    EXPECT_TRUE(co_await heartbeats_pass(1, 5));
    EXPECT_TRUE(is_registered(7));
    EXPECT_FALSE(node->leader().is_leader());
    co_await node->stop();
    EXPECT_EQ(probe().get(lock()), "somebody else");
  });
}

TEST_F(Registry, ALeaderWhoseLockIsTakenStopsToCleanUp) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    CO_ASSERT_TRUE(co_await eventually([&] { return node->leader().is_leader(); }));
    occupy_leadership();
    register_ghost(7);
    EXPECT_TRUE(co_await eventually([&] { return !node->leader().is_leader(); }));
    EXPECT_TRUE(co_await heartbeats_pass(1, 4));
    EXPECT_TRUE(is_registered(7));
    co_await node->stop();
  });
}

TEST_F(Registry, ANodeThatDiesIsRemovedAfterTheTtlAndReported) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.node_ttl = 2s;
    const auto node = co_await start_node(node_options);
    auto victim = co_await start_node(node_options);
    Removals removals;
    auto note = [&](InstanceId id) { removals.ids.push_back(id); };
    node->set_node_cleaned_up_callback(note);
    victim.reset();  // without stop(), as if it had crashed
    double last = 0;
    auto removed = [&] {
      last = std::max(last, last_heartbeat(2));
      return !removals.ids.empty();
    };
    CO_ASSERT_TRUE(co_await eventually(removed));
    EXPECT_EQ(removals.ids, Ids{2});
    EXPECT_GE(static_cast<double>(probe().time().count()), last + 2000);
    EXPECT_FALSE(probe().hget(name("nodes"), "2"));
    co_await node->stop();
  });
}

TEST_F(Registry, ANodeThatStopsInGoodOrderIsNotReported) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto leaver = co_await start_node();
    Removals removals;
    auto note = [&](InstanceId id) { removals.ids.push_back(id); };
    node->set_node_cleaned_up_callback(note);
    co_await leaver->stop();
    EXPECT_TRUE(co_await heartbeats_pass(1, 4));
    EXPECT_TRUE(removals.ids.empty());
    co_await node->stop();
  });
}

TEST_F(Registry, AThrowingCallbackIsLoggedAndDoesNotAffectOtherNodes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    Removals removals;
    auto note = [&](InstanceId id) {
      removals.ids.push_back(id);
      throw std::runtime_error("no cleaning today");
    };
    node->set_node_cleaned_up_callback(note);
    register_ghost(7);
    register_ghost(8);
    register_ghost(9);
    CO_ASSERT_TRUE(co_await eventually([&] { return removals.ids.size() >= 3; }));
    register_ghost(10);
    CO_ASSERT_TRUE(co_await eventually([&] { return removals.ids.size() >= 4; }));
    EXPECT_EQ(removals.sorted(), (Ids{7, 8, 9, 10}));
    EXPECT_FALSE(is_registered(9));
    EXPECT_TRUE(co_await eventually([&] {
      return log().count("no cleaning today", LogLevel::warning) == 4;
    })) << log().text();
    co_await node->stop();
  });
}

TEST_F(Registry, CoroutineCallbacksRunOneAfterTheOther) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    Removals removals;
    int running = 0;
    int most = 0;
    auto note = [&](InstanceId id) -> asio::awaitable<void> {
      most = std::max(most, ++running);
      co_await sleep_for(20ms);
      --running;
      removals.ids.push_back(id);
    };
    node->set_node_cleaned_up_callback(note);
    register_ghost(7);
    register_ghost(8);
    register_ghost(9);
    CO_ASSERT_TRUE(co_await eventually([&] { return removals.ids.size() == 3; }));
    EXPECT_EQ(most, 1);
    EXPECT_EQ(removals.sorted(), (Ids{7, 8, 9}));
    co_await node->stop();
  });
}

TEST_F(Registry, ACallbackThatTakesItsTimeDoesNotHoldUpHeartbeats) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    bool entered = false;
    bool released = false;
    auto note = [&](InstanceId /*id*/) -> asio::awaitable<void> {
      entered = true;
      co_await eventually([&] { return released; });
    };
    node->set_node_cleaned_up_callback(note);
    register_ghost(7);
    CO_ASSERT_TRUE(co_await eventually([&] { return entered; }));
    EXPECT_TRUE(co_await heartbeats_pass(1, 3));
    released = true;
    co_await node->stop();
  });
}

// Repair ------------------------------------------------------------------------------------------

TEST_F(Registry, ANodeRemovedWhileAliveRegistersAgainAndTellsTheApplication) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    int told = 0;
    node->set_reregistered_callback([&] { ++told; });
    probe().command({"HDEL", name("nodes"), "1"});
    probe().command({"ZREM", name("heartbeats"), "1"});
    CO_ASSERT_TRUE(co_await eventually([&] { return told > 0; }));
    EXPECT_TRUE(is_registered(1));
    EXPECT_EQ(probe().hget(name("nodes"), "1"), this_host());
    EXPECT_EQ(node->instance_id(), 1);
    EXPECT_TRUE(co_await heartbeats_pass(1, 3));
    EXPECT_EQ(told, 1);
    co_await node->stop();
  });
}

TEST_F(Registry, LargeListsAreReadInParts) {
  constexpr InstanceId last = 8000;
  register_ghosts(2, last - 1);
  probe().command({"HDEL", name("nodes"), "7"});
  register_ghost(last, 1);  // dead
  probe().command({"CONFIG", "RESETSTAT"});
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto nodes = co_await node->get_nodes();
    CO_ASSERT_TRUE(nodes.size() == std::size_t{last - 1});
    for (InstanceId id = 1; id < last; ++id) {
      const MeshNode& listed = nodes[static_cast<std::size_t>(id - 1)];
      EXPECT_EQ(listed.instance_id, id);
      EXPECT_EQ(listed.hostname, id == 1 ? this_host() : id == 7 ? "unknown" : "ghost-host");
      EXPECT_EQ(listed.self, id == 1);
    }
    EXPECT_GE(probe().command_stats().calls("zscan"), 3);
    co_await node->stop();
  });
}

TEST_F(Registry, AHeartbeatRestoresTheCounterOfIds) {
  probe().command({"SET", name("next_id"), "4"});
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    probe().command({"DEL", name("next_id")});
    EXPECT_TRUE(co_await eventually([&] { return probe().get(name("next_id")) == "5"; }));
    probe().command({"SET", name("next_id"), "100"});
    EXPECT_TRUE(co_await heartbeats_pass(5, 2));
    EXPECT_EQ(probe().get(name("next_id")), "100");
    co_await node->stop();
  });
}

}  // namespace
}  // namespace mesh::test
