// What a mesh costs Redis that has nothing to do, and that it still gets a new leader in time.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <integration/support/mesh_test.hpp>
#include <support/channel_recorder.hpp>

namespace mesh::test {
namespace {

class Idle : public MeshTest {
 protected:
  /// The proportions of the defaults.
  MeshOptions default_proportions(milliseconds interval) const {
    MeshOptions result = options();
    result.heartbeat_interval = interval;
    result.leader.retry_delay = interval;
    result.leader.renewal_interval = 2 * interval;
    result.redis.health_check_interval = interval;
    return result;
  }

  /// One who leaves it to its heartbeats to see when the lock is free.
  MeshOptions without_retries() const {
    MeshOptions result = options();
    result.leader.retry_delay = std::chrono::minutes(10);
    return result;
  }

  /// What nodes have sent so far. Scripts are told apart by a command that no other one calls.
  struct Commands {
    std::int64_t heartbeats = 0;
    std::int64_t cleanups = 0;
    std::int64_t renewals = 0;
    std::int64_t pings = 0;
    std::int64_t attempts = 0;  // and whatever else

    Commands since(const Commands& before) const {
      Commands result;
      result.heartbeats = heartbeats - before.heartbeats;
      result.cleanups = cleanups - before.cleanups;
      result.renewals = renewals - before.renewals;
      result.pings = pings - before.pings;
      result.attempts = attempts - before.attempts;
      return result;
    }
  };

  Commands commands() {
    const CommandStats stats = probe().command_stats();
    Commands result;
    result.heartbeats = stats.calls("zadd");
    result.cleanups = stats.calls("hlen");
    result.renewals = stats.calls("pexpire");
    result.pings = stats.calls("ping");
    result.attempts = stats.calls("evalsha") + stats.calls("eval") - result.heartbeats -
                      result.cleanups - result.renewals;
    return result;
  }

  /// What is sent while there are this many heartbeats.
  asio::awaitable<Commands> sent_within(std::int64_t heartbeats) {
    const Commands before = commands();
    const auto enough = [&] { return commands().heartbeats >= before.heartbeats + heartbeats; };
    EXPECT_TRUE(co_await eventually(enough));
    co_return commands().since(before);
  }

  asio::awaitable<bool> leads(Service& node) {
    const auto is_leader = [&] { return node.leader().is_leader(); };
    co_return co_await eventually(is_leader);
  }
};

TEST_F(Idle, ANodeSendsNothingButItsHeartbeats) {
  run_coroutine([&]() -> asio::awaitable<void> {
    constexpr int count = 5;
    std::vector<std::unique_ptr<Service>> nodes;
    const MeshOptions usual = default_proportions(300ms);
    for (int i = 0; i < count; ++i) nodes.push_back(co_await start_node(usual));
    const auto one_leads = [&] {
      return std::ranges::any_of(nodes,
                                 [](const auto& node) { return node->leader().is_leader(); });
    };
    CO_ASSERT_TRUE(co_await eventually(one_leads));
    co_await sent_within(2 * count);

    // A machine that is busy otherwise may delay heartbeats until there are pings and attempts.
    bool was_silent = false;
    for (int i = 0; i < 20 && !was_silent; ++i) {
      const Commands sent = co_await sent_within(4 * count);
      std::cout << "with " << sent.heartbeats << " heartbeats: " << sent.cleanups << " cleanups, "
                << sent.renewals << " renewals, " << sent.pings << " pings, " << sent.attempts
                << " others\n";
      EXPECT_LE(sent.cleanups + sent.renewals, sent.heartbeats);
      was_silent = sent.pings == 0 && sent.attempts == 0;
    }
    EXPECT_TRUE(was_silent);
    for (const auto& node : nodes) co_await node->stop();
  });
}

TEST_F(Idle, TheLeadersPulseIsNoMessage) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const ChannelRecorder recorder(redis().options(), {name("pulse")});
    const auto node = co_await start_node();
    const auto several = [&] { return recorder.size() >= 3; };
    EXPECT_TRUE(co_await eventually(several));
    EXPECT_EQ(probe().subscribers(name("pulse")), 2);
    for (const auto& message : recorder.messages()) EXPECT_EQ(message.payload, "1");
    EXPECT_EQ(node->stats().messages_dropped, 0U);
    EXPECT_FALSE(log().contains("", LogLevel::warning)) << log().text();
    co_await node->stop();
  });
}

TEST_F(Idle, ManyNodesGetNoPulseAndAskForThemselves) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const ChannelRecorder recorder(redis().options(), {name("pulse")});
    MeshOptions patient = default_proportions(100ms);
    patient.node_ttl = std::chrono::minutes(10);
    const auto node = co_await start_node(patient);
    CO_ASSERT_TRUE(co_await leads(*node));
    const auto comes = [&] { return recorder.size() > 0; };
    EXPECT_TRUE(co_await eventually(comes));
    register_ghosts(2, 2001);
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 2));
    const std::size_t before = recorder.size();
    const std::int64_t pings = commands().pings;
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 20));
    EXPECT_EQ(recorder.size(), before);
    EXPECT_GT(commands().pings, pings);
    EXPECT_FALSE(log().contains("", LogLevel::warning)) << log().text();
    co_await node->stop();
  });
}

TEST_F(Idle, AFollowerTakesOverFromALeaderThatDied) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions quick = without_retries();
    quick.leader.ttl = 1s;
    quick.leader.wait_after_data_loss = true;
    auto leader = co_await start_node(quick);
    CO_ASSERT_TRUE(co_await leads(*leader));
    const auto follower = co_await start_node(quick);
    EXPECT_TRUE(co_await heartbeats_pass(follower->instance_id(), 3));
    EXPECT_FALSE(follower->leader().is_leader());
    leader.reset();
    EXPECT_TRUE(probe().exists(lock()));
    EXPECT_TRUE(co_await leads(*follower));
    co_await follower->stop();
  });
}

TEST_F(Idle, AFollowerTakesOverAtOnceFromALeaderThatStops) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto leader = co_await start_node();
    CO_ASSERT_TRUE(co_await leads(*leader));
    const MeshOptions patient = without_retries();
    const auto follower = co_await start_node(patient);
    EXPECT_TRUE(co_await heartbeats_pass(follower->instance_id(), 3));
    co_await leader->stop();
    EXPECT_TRUE(co_await leads(*follower));
    co_await follower->stop();
  });
}

// As after an attempt whose answer was lost.
TEST_F(Idle, ANodeDoesNotWaitForItsOwnLock) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const MeshOptions patient = without_retries();
    const auto node = co_await start_node(patient);
    CO_ASSERT_TRUE(co_await leads(*node));
    const std::string own_value = probe().get(lock()).value_or("");
    occupy_leadership();
    const auto has_lost = [&] { return !node->leader().is_leader(); };
    CO_ASSERT_TRUE(co_await eventually(has_lost));
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 3));
    EXPECT_FALSE(node->leader().is_leader());
    probe().command({"SET", lock(), own_value});
    EXPECT_TRUE(co_await leads(*node));
    co_await node->stop();
  });
}

TEST_F(Idle, AfterAReconnectAFreeLockIsLeftToItsLeader) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions patient = without_retries();
    patient.redis.reconnect_max_delay = 1s;
    occupy_leadership();
    const auto node = co_await start_node(patient);
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 3));
    probe().command({"MULTI"});
    probe().command({"DEL", lock()});
    probe().command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    const auto lost_at = SteadyClock::now();
    probe().command({"EXEC"});
    EXPECT_TRUE(co_await leads(*node));
    EXPECT_GE(SteadyClock::now() - lost_at, 1s);
    EXPECT_EQ(node->stats().reconnects, 1U);
    co_await node->stop();
  });
}

TEST_F(Idle, WhereHeartbeatsAreRarerAttemptsGoOn) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions rare = options();
    rare.heartbeat_interval = 300ms;
    rare.leader.retry_delay = 220ms;
    occupy_leadership();
    const auto node = co_await start_node(rare);
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 1));
    const Commands sent = co_await sent_within(8);
    EXPECT_GE(sent.attempts, 4);
    co_await node->stop();
  });
}

}  // namespace
}  // namespace mesh::test
