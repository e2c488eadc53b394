#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <integration/support/mesh_test.hpp>

namespace mesh::test {
namespace {

class Watch : public MeshTest {
 protected:
  /// What a node is told, such as "+2 -1".
  struct Changes {
    std::string text;
    std::vector<MeshNode> nodes;

    auto callback() {
      return [this](NodeChange change, const MeshNode& node) {
        text += text.empty() ? "" : " ";
        text += (change == NodeChange::joined ? "+" : "-") + std::to_string(node.instance_id);
        nodes.push_back(node);
      };
    }
    asio::awaitable<bool> become(const char* expected) {
      const auto equal = [&] { return text == expected; };
      const bool became = co_await eventually(equal);
      EXPECT_EQ(text, expected);
      co_return became;
    }
  };

  /// The changes must outlive it.
  asio::awaitable<std::unique_ptr<Service>> start_watcher(Changes& changes,
                                                          MeshOptions node_options) {
    auto watcher = co_await make_node(std::move(node_options));
    watcher->watch_nodes(changes.callback());
    co_await watcher->start();
    co_return watcher;
  }
  asio::awaitable<std::unique_ptr<Service>> start_watcher(Changes& changes) {
    MeshOptions node_options = options();
    co_return co_await start_watcher(changes, std::move(node_options));
  }

  /// So slow that only announcements can tell in time.
  MeshOptions slow_options() const {
    MeshOptions result = options();
    result.heartbeat_interval = std::chrono::minutes(10);
    result.node_ttl = std::chrono::minutes(20);
    return result;
  }
};

TEST_F(Watch, TellsWhoIsThereThenWhoJoinsAndLeaves) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const MeshOptions slow = slow_options();
    const auto first = co_await start_node(slow);
    Changes changes;
    const auto watcher = co_await start_watcher(changes, slow);
    EXPECT_TRUE(co_await changes.become("+1"));
    MeshOptions named = slow;
    named.hostname = "third-host";
    const auto third = co_await start_node(named);
    CO_ASSERT_TRUE(co_await changes.become("+1 +3"));
    EXPECT_EQ(changes.nodes.back().hostname, "third-host");
    EXPECT_FALSE(changes.nodes.back().self);
    co_await first->stop();
    EXPECT_TRUE(co_await changes.become("+1 +3 -1"));
    co_await third->stop();
    EXPECT_TRUE(co_await changes.become("+1 +3 -1 -3"));
    co_await watcher->stop();
  });
}

TEST_F(Watch, CanBeginWhileTheNodeRuns) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const MeshOptions slow = slow_options();
    const auto watcher = co_await start_node(slow);
    const auto other = co_await start_node(slow);
    Changes changes;
    watcher->watch_nodes(changes.callback());
    EXPECT_TRUE(co_await changes.become("+2"));
    Changes later;
    watcher->watch_nodes(later.callback());
    EXPECT_TRUE(co_await later.become("+2"));
    co_await other->stop();
    EXPECT_TRUE(co_await later.become("+2 -2"));
    EXPECT_EQ(changes.text, "+2");
    co_await watcher->stop();
  });
}

TEST_F(Watch, ReadsTheListOnlyWhereItHasChanged) {
  run_coroutine([&]() -> asio::awaitable<void> {
    occupy_leadership();
    MeshOptions slow = slow_options();
    slow.leader.ttl = std::chrono::hours(3);
    slow.leader.renewal_interval = std::chrono::hours(1);
    slow.leader.retry_delay = std::chrono::hours(1);
    MeshOptions frequent = slow;
    frequent.heartbeat_interval = std::chrono::milliseconds(300);
    Changes changes;
    const auto other = co_await start_node(slow);
    const auto watcher = co_await start_watcher(changes, frequent);
    CO_ASSERT_TRUE(co_await changes.become("+1"));
    EXPECT_TRUE(co_await heartbeats_pass(watcher->instance_id(), 2));
    // A heartbeat is one script with one HGET. A list is two, with two HGETs for each node.
    const auto excess = [&] { return calls_of("hget") - calls_of("evalsha"); };
    const auto before = excess();
    EXPECT_TRUE(co_await heartbeats_pass(watcher->instance_id(), 10));
    EXPECT_LE(excess() - before, 3) << "one more list, and one heartbeat between the questions";
    co_await other->stop();
    EXPECT_TRUE(co_await changes.become("+1 -1"));
    co_await watcher->stop();
  });
}

TEST_F(Watch, GoesOnOnceAfterAnEmptyCallback) {
  run_coroutine([&]() -> asio::awaitable<void> {
    occupy_leadership();
    MeshOptions frequent = options();
    frequent.heartbeat_interval = std::chrono::milliseconds(400);
    Changes before;
    Changes after;
    const auto other = co_await start_node(slow_options());
    const auto watcher = co_await start_watcher(before, frequent);
    CO_ASSERT_TRUE(co_await before.become("+1"));
    watcher->watch_nodes(std::function<void(NodeChange, MeshNode)>());
    watcher->watch_nodes(after.callback());
    EXPECT_TRUE(co_await after.become("+1"));
    const auto third = co_await start_node(slow_options());
    EXPECT_TRUE(co_await after.become("+1 +3"));
    // Two watches would read the list twice in each interval.
    const auto reads = [&] { return calls_of("zrangebyscore"); };
    const auto reads_before = reads();
    EXPECT_TRUE(co_await heartbeats_pass(watcher->instance_id(), 4));
    EXPECT_LE(reads() - reads_before, 6);
    EXPECT_EQ(after.text, "+1 +3");
    EXPECT_EQ(before.text, "+1");
    co_await other->stop();
    co_await third->stop();
    co_await watcher->stop();
  });
}

TEST_F(Watch, NoticesNodesThatAnnounceNothing) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Changes changes;
    const auto watcher = co_await start_watcher(changes);
    register_ghost(500, 9999999999999.0);
    EXPECT_TRUE(co_await changes.become("+500"));
    co_await watcher->stop();
  });
}

TEST_F(Watch, ANodeThatDiesHasLeftWhenTheLeaderRemovesIt) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Changes changes;
    const auto watcher = co_await start_watcher(changes);
    register_ghost(500, 9999999999999.0);
    CO_ASSERT_TRUE(co_await changes.become("+500"));
    register_ghost(500, 1);
    EXPECT_TRUE(co_await changes.become("+500 -500"));
    co_await watcher->stop();
  });
}

TEST_F(Watch, ANodeThatDiesHasLeftWhenTheListDropsItThoughNobodyRemovesIt) {
  run_coroutine([&]() -> asio::awaitable<void> {
    occupy_leadership();
    MeshOptions node_options = options();
    node_options.node_ttl = 5s;
    Changes changes;
    const auto watcher = co_await start_watcher(changes, node_options);
    // Its last heartbeat was now, by the clock of Redis.
    register_ghost(500, last_heartbeat(watcher->instance_id()));
    CO_ASSERT_TRUE(co_await changes.become("+500"));
    const auto begin = SteadyClock::now();
    EXPECT_TRUE(co_await changes.become("+500 -500"));
    // Well below twice its time to live, whatever the machine's pace.
    EXPECT_LT(SteadyClock::now() - begin, 9s);
    EXPECT_TRUE(is_registered(500));
    co_await watcher->stop();
  });
}

TEST_F(Watch, ALossOfDataIsNotTakenForTheDeathOfAll) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.redis.reconnect_max_delay = 20s;  // that long the others may take
    Changes changes;
    const auto watcher = co_await start_watcher(changes, node_options);
    MeshOptions seldom = options();
    seldom.heartbeat_interval = 1s;
    const auto other = co_await start_node(seldom);
    CO_ASSERT_TRUE(co_await changes.become("+2"));
    for (const char* lost : {"heartbeats", "nodes"}) probe().command({"DEL", name(lost)});
    const auto are_back = [&] { return is_registered(1) && is_registered(2); };
    CO_ASSERT_TRUE(co_await eventually(are_back));
    EXPECT_EQ(changes.text, "+2");
    co_await other->stop();
    EXPECT_TRUE(co_await changes.become("+2 -2"));
    co_await watcher->stop();
  });
}

TEST_F(Watch, SurvivesThatItsConnectionsAreLost) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Changes changes;
    const auto watcher = co_await start_watcher(changes);
    const auto other = co_await start_node();
    CO_ASSERT_TRUE(co_await changes.become("+2"));
    const auto reconnects = watcher->stats().reconnects;
    kill_connections("pubsub");
    const auto is_back = [&] { return watcher->stats().reconnects > reconnects; };
    CO_ASSERT_TRUE(co_await eventually(is_back));
    co_await other->stop();
    EXPECT_TRUE(co_await changes.become("+2 -2"));
    co_await watcher->stop();
  });
}

TEST_F(Watch, WhatTheCallbackThrowsIsLoggedAndTheWatchGoesOn) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto watcher = co_await make_node();
    int calls = 0;
    watcher->watch_nodes([&](NodeChange, MeshNode) -> asio::awaitable<void> {
      ++calls;
      throw std::runtime_error("oops, said the watcher");
      co_return;
    });
    co_await watcher->start();
    const auto first = co_await start_node();
    const auto second = co_await start_node();
    const auto logged_twice = [&] { return log().count("oops, said the watcher") == 2; };
    EXPECT_TRUE(co_await eventually(logged_twice));
    EXPECT_EQ(calls, 2);
    co_await first->stop();
    co_await second->stop();
    co_await watcher->stop();
  });
}

TEST_F(Watch, StartsAnewAfterARestart) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto other = co_await start_node();
    Changes changes;
    const auto watcher = co_await start_watcher(changes);
    CO_ASSERT_TRUE(co_await changes.become("+1"));
    co_await watcher->stop();
    co_await watcher->start();
    EXPECT_TRUE(co_await changes.become("+1 +1"));
    co_await watcher->stop();
    co_await other->stop();
  });
}

}  // namespace
}  // namespace mesh::test
