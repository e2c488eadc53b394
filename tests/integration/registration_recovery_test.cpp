#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/support/patient_nodes_test.hpp>
#include <mesh/mesh.hpp>
#include <support/channel_recorder.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

class RegistrationRecovery : public PatientNodesTest {
 protected:
  std::string heartbeats() const { return name("heartbeats"); }
  std::string nodes_hash() const { return name("nodes"); }
  std::string next_id() const { return name("next_id"); }

  /// Heartbeats that do not come during the test.
  MeshOptions without_heartbeats() const {
    MeshOptions options = patient();
    options.heartbeat_interval = 10min;
    options.node_ttl = 20min;
    return options;
  }

  /// As a TypeScript node does, which knows nothing of owners and does not raise the next id.
  void register_foreigner(const std::string& id) {
    probe().command({"ZADD", heartbeats(), std::to_string(probe().time().count()), id});
  }

  /// In one step, so that no heartbeat comes between: the owner is gone, and the last heartbeat was
  /// at another time.
  void lose_owner(const std::string& id, milliseconds later) {
    probe().command({"EVAL",
                     "redis.call('DEL', KEYS[1]) "
                     "local last = redis.call('ZSCORE', KEYS[2], ARGV[1]) "
                     "redis.call('ZADD', KEYS[2], last + ARGV[2], ARGV[1])",
                     "2", name("owner:" + id), heartbeats(), id, std::to_string(later.count())});
  }
};

TEST_F(RegistrationRecovery, ANodeThatWasRemovedRegistersFullyAgainAndSaysSo) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions options = patient();
    options.hostname = "host-of-this-test";
    int reregistered = 0;
    InstanceId id_in_callback = 0;
    Node node(co_await asio::this_coro::executor, key(), options);
    node.set_reregistered_callback([&]() -> asio::awaitable<void> {
      ++reregistered;
      id_in_callback = node.instance_id();
      co_return;
    });
    co_await node.start();
    for (int round = 1; round <= 2; ++round) {
      EXPECT_EQ(probe().integer({"ZREM", heartbeats(), "1"}), 1);
      probe().command({"HDEL", nodes_hash(), "1"});
      const auto is_back = [&] {
        return reregistered == round && probe().zscore(heartbeats(), "1") &&
               probe().hget(nodes_hash(), "1") == "host-of-this-test";
      };
      EXPECT_TRUE(co_await eventually(is_back)) << log().text();
    }
    EXPECT_EQ(id_in_callback, 1);
    EXPECT_EQ(node.instance_id(), 1);
    EXPECT_TRUE(log().contains("had been removed while it was alive", LogLevel::warning));
    const auto nodes = co_await node.get_nodes();
    CO_ASSERT_TRUE(nodes.size() == 1);
    EXPECT_EQ(nodes.front().hostname, "host-of-this-test");
    co_await node.stop();
    EXPECT_EQ(reregistered, 2);
  });
}

TEST_F(RegistrationRecovery, AHostnameThatIsMissingIsRestored) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions options = patient();
    options.hostname = "host-of-this-test";
    int reregistered = 0;
    Node node(co_await asio::this_coro::executor, key(), options);
    node.set_reregistered_callback([&] { ++reregistered; });
    co_await node.start();
    EXPECT_EQ(probe().integer({"HDEL", nodes_hash(), "1"}), 1);
    const auto is_back = [&] { return probe().hget(nodes_hash(), "1") == "host-of-this-test"; };
    EXPECT_TRUE(co_await eventually(is_back));
    co_await node.stop();
    EXPECT_EQ(reregistered, 0);
  });
}

TEST_F(RegistrationRecovery, WhatTheCallbackThrowsIsLoggedAndTheNodeGoesOn) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Node node(co_await asio::this_coro::executor, key(), patient());
    node.set_reregistered_callback([] { throw std::runtime_error("oops, said the callback"); });
    co_await node.start();
    probe().command({"ZREM", heartbeats(), "1"});
    const auto is_logged = [&] {
      return log().contains("oops, said the callback", LogLevel::error);
    };
    EXPECT_TRUE(co_await eventually(is_logged));
    const auto score = probe().zscore(heartbeats(), "1");
    const auto beats_on = [&] { return probe().zscore(heartbeats(), "1") > score; };
    EXPECT_TRUE(co_await eventually(beats_on));
    co_await node.stop();
  });
}

TEST_F(RegistrationRecovery, HeartbeatsRestoreEverythingAfterAFlush) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    std::vector<std::unique_ptr<Node>> nodes;
    std::atomic<int> reregistered = 0;
    for (int i = 0; i < 3; ++i) {
      nodes.push_back(std::make_unique<Node>(executor, key(), patient()));
      nodes.back()->set_reregistered_callback([&] { ++reregistered; });
      co_await nodes.back()->start();
    }
    probe().command({"FLUSHALL"});
    const auto all_back = [&] {
      return reregistered == 3 && probe().integer({"ZCARD", heartbeats()}) == 3 &&
             probe().integer({"HLEN", nodes_hash()}) == 3 && probe().get(next_id()) == "3";
    };
    EXPECT_TRUE(co_await eventually(all_back)) << log().text();
    Node next(executor, key(), patient());
    co_await next.start();
    EXPECT_EQ(next.instance_id(), 4);
    co_await next.stop();
    for (const auto& node : nodes) co_await node->stop();
  });
}

TEST_F(RegistrationRecovery, AHeartbeatNeverLowersTheNextId) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Node node(co_await asio::this_coro::executor, key(), patient());
    co_await node.start();
    probe().command({"SET", next_id(), "1000"});
    const auto score = probe().zscore(heartbeats(), "1");
    const auto has_beaten = [&] { return probe().zscore(heartbeats(), "1") > score; };
    EXPECT_TRUE(co_await eventually(has_beaten));
    EXPECT_EQ(probe().get(next_id()), "1000");
    co_await node.stop();
  });
}

TEST_F(RegistrationRecovery, AHeartbeatRaisesTheNextIdToTheLargestThatIsRegistered) {
  run_coroutine([&]() -> asio::awaitable<void> {
    probe().command({"SET", lock(), "somebody else", "PX", "600000"});
    Node node(co_await asio::this_coro::executor, key(), patient());
    co_await node.start();
    // Of others that have registered again before this node does.
    for (const auto* id : {"3", "20", "30", "123456789012345678901234567890"})
      register_foreigner(id);
    probe().command({"DEL", next_id()});
    const auto is_raised_to = [&](const std::string& id) {
      return [this, id] { return probe().get(next_id()) == id; };
    };
    EXPECT_TRUE(co_await eventually(is_raised_to("30")));
    // Those that come later take the ids that follow, as nobody else registers under them.
    for (const auto* id : {"31", "32"}) register_foreigner(id);
    EXPECT_TRUE(co_await eventually(is_raised_to("32")));
    co_await node.stop();
  });
}

TEST_F(RegistrationRecovery, TheLeaderRaisesTheNextIdToTheLargestThatIsRegistered) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Node node(co_await asio::this_coro::executor, key(), patient());
    co_await node.start();
    const auto leads = [&] { return node.leader().is_leader(); };
    CO_ASSERT_TRUE(co_await eventually(leads));
    for (const auto* id : {"9", "no id at all", "700"}) register_foreigner(id);
    const auto is_raised = [&] { return probe().get(next_id()) == "700"; };
    EXPECT_TRUE(co_await eventually(is_raised));
    Node next(co_await asio::this_coro::executor, key(), patient());
    co_await next.start();
    EXPECT_EQ(next.instance_id(), 701);
    co_await next.stop();
    co_await node.stop();
  });
}

TEST_F(RegistrationRecovery, AStartRefusesIdsThatAreRegistered) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const std::string now = std::to_string(probe().time().count());
    probe().command({"ZADD", heartbeats(), now, "1", now, "2", now, "4"});
    Node node(co_await asio::this_coro::executor, key(), without_heartbeats());
    co_await node.start();
    EXPECT_EQ(node.instance_id(), 3);
    co_await node.stop();
    co_await node.start();
    EXPECT_EQ(node.instance_id(), 5);
    co_await node.stop();
  });
}

TEST_F(RegistrationRecovery, AStartRefusesIdsWhoseChannelIsInUse) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const ChannelRecorder first(redis().options(), {channel(1)});
    const ChannelRecorder second(redis().options(), {channel(2)});
    Node node(co_await asio::this_coro::executor, key(), without_heartbeats());
    co_await node.start();
    EXPECT_EQ(node.instance_id(), 3);
    co_await node.stop();
  });
}

TEST_F(RegistrationRecovery, IdsStayUniqueWhenTheCounterIsLostBeforeAnyHeartbeat) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    std::vector<std::unique_ptr<Node>> nodes;
    for (InstanceId expected = 1; expected <= 4; ++expected) {
      nodes.push_back(std::make_unique<Node>(executor, key(), without_heartbeats()));
      co_await nodes.back()->start();
      EXPECT_EQ(nodes.back()->instance_id(), expected);
      probe().command({"FLUSHALL"});
    }
    for (const auto& node : nodes) co_await node->stop();
  });
}

TEST_F(RegistrationRecovery, ANodeKeepsItsIdWhenRedisIsRestoredFromAnOlderSnapshot) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Node node(co_await asio::this_coro::executor, key(), patient());
    int reregistered = 0;
    node.set_reregistered_callback([&] { ++reregistered; });
    co_await node.start();
    const std::string owner = name("owner:1");
    const auto uuid = probe().get(owner);
    lose_owner("1", -30s);
    const auto is_restored = [&] { return probe().get(owner) == uuid; };
    EXPECT_TRUE(co_await eventually(is_restored));
    const auto score = probe().zscore(heartbeats(), "1");
    const auto beats_on = [&] { return probe().zscore(heartbeats(), "1") > score; };
    EXPECT_TRUE(co_await eventually(beats_on));
    EXPECT_EQ(node.instance_id(), 1);
    co_await node.stop();
    EXPECT_EQ(reregistered, 0);
  });
}

TEST_F(RegistrationRecovery, ANodeMovesIfItsIdWasTakenByOneThatKnowsNoOwners) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Node node(co_await asio::this_coro::executor, key(), patient());
    co_await node.start();
    lose_owner("1", 50ms);
    const auto has_moved = [&] { return node.instance_id() == 2; };
    EXPECT_TRUE(co_await eventually(has_moved));
    co_await node.stop();
  });
}

TEST_F(RegistrationRecovery, AnEarlierOwnershipOfItsOwnDoesNotMoveANode) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Node node(co_await asio::this_coro::executor, key(), patient());
    const std::string owner = name("owner:1");
    co_await node.start();
    const std::string former = probe().text({"GET", owner});
    co_await node.stop();
    probe().command({"FLUSHALL"});
    co_await node.start();
    const auto current = probe().get(owner);
    EXPECT_NE(current, former);
    probe().command({"SET", owner, former});
    const auto is_restored = [&] { return probe().get(owner) == current; };
    EXPECT_TRUE(co_await eventually(is_restored));
    EXPECT_EQ(node.instance_id(), 1);
    co_await node.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
