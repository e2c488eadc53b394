// The leader of a mesh.

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/support/election_test.hpp>
#include <integration/support/patient_nodes_test.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

class MeshLeader : public PatientNodesTest {};

asio::awaitable<bool> node_leads(Node& node) { co_return co_await becomes_leader(node.leader()); }

TEST_F(MeshLeader, IsNotStartedOrStoppedByTheUser) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Node node(co_await asio::this_coro::executor, key(), patient());
    EXPECT_THROW(node.leader().start(), std::logic_error);
    co_await node.start();
    EXPECT_THROW(node.leader().start(), std::logic_error);
    co_await expect_error<std::logic_error>(node.leader().stop());
    EXPECT_TRUE(co_await node_leads(node));
    co_await node.stop();
  });
}

TEST_F(MeshLeader, HoldsTheLockOfTheMesh) {
  run_coroutine([&]() -> asio::awaitable<void> {
    std::vector<std::string> events;
    Node node(co_await asio::this_coro::executor, key(), patient());
    node.leader().set_became_leader_callback([&] { events.emplace_back("became"); });
    node.leader().set_lost_leader_callback([&] { events.emplace_back("lost"); });
    co_await node.start();
    EXPECT_TRUE(co_await node_leads(node));
    EXPECT_TRUE(probe().exists(lock()));
    EXPECT_GT(node.leader().fencing_token(), 0);
    co_await node.stop();
    EXPECT_FALSE(probe().exists(lock()));
    CO_ASSERT_TRUE(events.size() >= 2);
    EXPECT_EQ(events.front(), "became");
    EXPECT_EQ(events.back(), "lost");
  });
}

TEST_F(MeshLeader, IsNoNodeThatMayNotLeadAndReportsGoToTheOthers) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions visitors = patient();
    visitors.can_lead = false;
    Node visitor(co_await asio::this_coro::executor, key(), visitors);
    Node member(co_await asio::this_coro::executor, key(), patient());
    std::vector<InstanceId> told_visitor;
    std::vector<InstanceId> told_member;
    visitor.set_node_cleaned_up_callback([&](InstanceId id) { told_visitor.push_back(id); });
    member.set_node_cleaned_up_callback([&](InstanceId id) { told_member.push_back(id); });
    co_await visitor.start();
    register_ghost(77);
    EXPECT_TRUE(co_await heartbeats_pass(1, 3));
    EXPECT_FALSE(visitor.leader().is_leader());
    EXPECT_FALSE(probe().exists(lock()));
    EXPECT_TRUE(is_registered(77));

    co_await member.start();
    EXPECT_TRUE(co_await node_leads(member));
    EXPECT_TRUE(co_await eventually([&] { return told_member.size() == 1; }));
    co_await member.stop();
    EXPECT_TRUE(co_await heartbeats_pass(1, 3));
    EXPECT_FALSE(probe().exists(lock()));
    EXPECT_TRUE(told_visitor.empty());
    co_await visitor.stop();
  });
}

/// Three nodes of which the first leads for the whole test.
struct Trio {
  Trio(const asio::any_io_executor& executor, const std::string& key, MeshOptions options) {
    options.leader = enduring();
    for (std::size_t i = 0; i < 3; ++i) {
      nodes.push_back(std::make_unique<Node>(executor, key, options));
      nodes.back()->set_node_cleaned_up_callback(
          [this, i](InstanceId id) { removed[i].push_back(id); });
    }
  }

  asio::awaitable<bool> start() {
    for (const auto& node : nodes) {
      co_await node->start();
      if (!co_await node_leads(*nodes.front())) co_return false;
    }
    co_return true;
  }

  std::vector<std::vector<InstanceId>> removed{3};
  std::vector<std::unique_ptr<Node>> nodes;
};

TEST_F(MeshLeader, AloneRemovesStaleNodesAndOnlyOnce) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Trio trio(co_await asio::this_coro::executor, key(), patient());
    CO_ASSERT_TRUE(co_await trio.start());
    register_ghost(77);
    register_ghost(78);
    const auto both_removed = [&] { return trio.removed[0].size() == 2; };
    EXPECT_TRUE(co_await eventually(both_removed)) << log().text();
    EXPECT_FALSE(probe().zscore(name("heartbeats"), "77"));
    EXPECT_FALSE(probe().hget(name("nodes"), "78"));
    co_await sleep_for(300ms);
    EXPECT_EQ(trio.removed[0], (std::vector<InstanceId>{77, 78}));
    EXPECT_TRUE(trio.removed[1].empty());
    EXPECT_TRUE(trio.removed[2].empty());
    EXPECT_EQ(probe().integer({"ZCARD", name("heartbeats")}), 3);
    for (const auto& node : trio.nodes) co_await node->stop();
  });
}

TEST_F(MeshLeader, DoesNotCleanUpWithALockThatIsNotItsOwn) {
  run_coroutine([&]() -> asio::awaitable<void> {
    std::vector<InstanceId> removed;
    MeshOptions options = patient();
    // Without renewals only the cleanup itself can notice.
    options.leader.ttl = 20min;
    options.leader.renewal_interval = 10min;
    Node node(co_await asio::this_coro::executor, key(), options);
    node.set_node_cleaned_up_callback([&](InstanceId id) { removed.push_back(id); });
    co_await node.start();
    EXPECT_TRUE(co_await node_leads(node));
    probe().command({"SET", lock(), "a thief", "PX", "600000"});
    register_ghost(77);
    EXPECT_TRUE(co_await ceases_to_lead(node.leader()));
    const auto is_kept = [&] { return probe().zscore(name("heartbeats"), "77").has_value(); };
    EXPECT_TRUE(co_await holds_for(is_kept, 500ms));
    EXPECT_TRUE(probe().hget(name("nodes"), "77"));
    EXPECT_TRUE(removed.empty());
    // Free again, it is taken and used.
    probe().command({"DEL", lock()});
    const auto is_removed = [&] { return removed == std::vector<InstanceId>{77}; };
    EXPECT_TRUE(co_await eventually(is_removed));
    co_await node.stop();
  });
}

TEST_F(MeshLeader, WhatTheCleanupCallbackThrowsIsLoggedAndTheNextNodeIsReported) {
  run_coroutine([&]() -> asio::awaitable<void> {
    std::vector<InstanceId> removed;
    Node node(co_await asio::this_coro::executor, key(), patient());
    node.set_node_cleaned_up_callback([&](InstanceId id) -> asio::awaitable<void> {
      removed.push_back(id);
      co_await sleep_for(1ms);
      if (id == 77) throw std::runtime_error("cannot forget 77");
    });
    co_await node.start();
    EXPECT_TRUE(co_await node_leads(node));
    register_ghost(77);
    register_ghost(78);
    const auto both_reported = [&] { return removed.size() == 2; };
    EXPECT_TRUE(co_await eventually(both_reported));
    EXPECT_TRUE(log().contains("cannot forget 77", LogLevel::error)) << log().text();
    co_await node.stop();
  });
}

TEST_F(MeshLeader, PassesOnLeadershipWhenItStops) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Trio trio(co_await asio::this_coro::executor, key(), patient());
    CO_ASSERT_TRUE(co_await trio.start());
    co_await trio.nodes[0]->stop();
    const auto another_leads = [&] {
      return trio.nodes[1]->leader().is_leader() != trio.nodes[2]->leader().is_leader();
    };
    EXPECT_TRUE(co_await eventually(another_leads));
    register_ghost(77);
    const auto is_removed = [&] { return trio.removed[1].size() + trio.removed[2].size() == 1; };
    EXPECT_TRUE(co_await eventually(is_removed));
    EXPECT_TRUE(trio.removed[0].empty());
    for (const auto& node : trio.nodes) co_await node->stop();
  });
}

TEST_F(MeshLeader, IsFollowedByAnotherAfterItVanished) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    std::vector<InstanceId> removed;
    MeshOptions options = patient();
    options.node_ttl = 2s;
    auto first = std::make_unique<Node>(executor, key(), options);
    Node second(executor, key(), options);
    second.set_node_cleaned_up_callback([&](InstanceId id) { removed.push_back(id); });
    co_await first->start();
    EXPECT_TRUE(co_await node_leads(*first));
    co_await second.start();
    first.reset();
    EXPECT_TRUE(co_await node_leads(second));
    const auto is_removed = [&] { return removed == std::vector<InstanceId>{1}; };
    EXPECT_TRUE(co_await eventually(is_removed)) << log().text();
    co_await second.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
