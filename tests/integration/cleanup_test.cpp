#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <integration/support/mesh_test.hpp>
#include <integration/support/outcome.hpp>

namespace mesh::test {
namespace {

/// What the leader reports, and what becomes of it if the leader dies.
class CleanupReports : public MeshTest {
 protected:
  /// A callback that takes until it is told to end; it must outlive the nodes that call it.
  struct SlowReports {
    std::vector<InstanceId> ids;
    bool may_end = false;

    auto callback() {
      return [this](InstanceId id) -> asio::awaitable<void> {
        ids.push_back(id);
        const auto allowed = [this] { return may_end; };
        co_await eventually(allowed);
      };
    }
  };

  std::optional<std::string> note_about(InstanceId id) {
    return probe().hget(name("reports"), std::to_string(id));
  }
  std::string owner_of(InstanceId id) {
    return probe().get(name("owner:" + std::to_string(id))).value_or("");
  }
  void expect_no_reports() { EXPECT_FALSE(probe().exists(name("reports"))); }

  /// As if a leader had removed the node and not told the application yet.
  void leave_report(InstanceId id, InstanceId reporter, const std::string& uuid = "some-uuid") {
    probe().command({"HSET", name("reports"), std::to_string(id),
                     std::to_string(reporter) + ":" + uuid + ":123"});
  }
  /// As if there were a node that owns this id.
  void own(InstanceId id, const std::string& uuid = "some-uuid") {
    probe().command({"SET", name("owner:" + std::to_string(id)), uuid});
  }
};

TEST_F(CleanupReports, AReportIsKeptUntilTheCallbackHasCompleted) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    SlowReports reports;
    node->set_node_cleaned_up_callback(reports.callback());
    register_ghost(77);
    co_await node->start();
    const auto called = [&] { return reports.ids.size() == 1; };
    CO_ASSERT_TRUE(co_await eventually(called));
    EXPECT_FALSE(is_registered(77));
    const InstanceId self = node->instance_id();
    const std::string reporter = std::to_string(self) + ":" + owner_of(self) + ":";
    EXPECT_TRUE(note_about(77).value_or("").starts_with(reporter)) << *note_about(77);
    reports.may_end = true;
    const auto is_finished = [&] { return !note_about(77); };
    EXPECT_TRUE(co_await eventually(is_finished));
    co_await node->stop();
  });
}

// A node writes its host name before its first heartbeat, so only what lacked one for a while goes.
TEST_F(CleanupReports, AHostNameWithoutAHeartbeatOutlivesACleanupThatRemovesADeadNode) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions rare = options();
    rare.heartbeat_interval = 3s;  // so there is one cleanup, after the node has become the leader
    const auto node = co_await make_node(std::move(rare));
    register_ghost(77);
    probe().command({"HSET", name("nodes"), "78", "about-to-register"});
    co_await node->start();
    const auto is_removed = [&] { return !is_registered(77); };
    EXPECT_TRUE(co_await eventually(is_removed, 60s));
    EXPECT_EQ(probe().hget(name("nodes"), "78"), "about-to-register");
    co_await node->stop();
  });
}

// More than one run of the script takes the owners of.
TEST_F(CleanupReports, ManyDeadNodesAreRemovedAtOnceWithWhatTheyOwned) {
  run_coroutine([&]() -> asio::awaitable<void> {
    constexpr InstanceId first = 1'000'000;
    constexpr int count = 1'200;
    std::vector<std::string> dead{"ZADD", name("heartbeats")};
    std::vector<std::string> owners{"MSET"};
    for (InstanceId id = first; id < first + count; ++id) {
      dead.insert(dead.end(), {"1000", std::to_string(id)});
      owners.insert(owners.end(), {name("owner:" + std::to_string(id)), "some-uuid"});
    }
    probe().command(dead);
    probe().command(owners);
    const auto node = co_await make_node();
    int reported = 0;
    node->set_node_cleaned_up_callback([&](InstanceId) { ++reported; });
    co_await node->start();
    const auto all_are_reported = [&] { return reported == count; };
    EXPECT_TRUE(co_await eventually(all_are_reported, 120s)) << reported;
    EXPECT_EQ(probe().command({"ZCARD", name("heartbeats")}), 1);
    EXPECT_EQ(owner_of(first), "");
    EXPECT_EQ(owner_of(first + count - 1), "");
    EXPECT_LT(std::stoll(probe().get(name("next_id")).value_or("0")), first);
    co_await node->stop();
  });
}

TEST_F(CleanupReports, TheNextLeaderReportsWhatADeadOneLeft) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    std::vector<InstanceId> reported;
    node->set_node_cleaned_up_callback([&](InstanceId id) { reported.push_back(id); });
    leave_report(77, 1000);
    leave_report(78, 1000);
    co_await node->start();
    const auto all_reported = [&] { return reported.size() == 2; };
    EXPECT_TRUE(co_await eventually(all_reported));
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 3));
    std::ranges::sort(reported);
    EXPECT_EQ(reported, (std::vector<InstanceId>{77, 78}));
    expect_no_reports();
    co_await node->stop();
  });
}

TEST_F(CleanupReports, ReportsOfALivingNodeAreLeftToIt) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    std::vector<InstanceId> reported;
    node->set_node_cleaned_up_callback([&](InstanceId id) { reported.push_back(id); });
    own(1000);
    leave_report(77, 1000);
    co_await node->start();
    const auto leads = [&] { return node->leader().is_leader(); };
    CO_ASSERT_TRUE(co_await eventually(leads));
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 3));
    EXPECT_TRUE(reported.empty());
    probe().command({"DEL", name("owner:1000")});
    const auto is_reported = [&] { return reported.size() == 1; };
    EXPECT_TRUE(co_await eventually(is_reported));
    co_await node->stop();
  });
}

TEST_F(CleanupReports, AReportThatWentToAnotherNodeMeanwhileIsNotGivenTwice) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    SlowReports reports;
    node->set_node_cleaned_up_callback(reports.callback());
    register_ghost(77, 1);
    register_ghost(78, 2);
    co_await node->start();
    const auto one_runs = [&] { return reports.ids.size() == 1; };
    CO_ASSERT_TRUE(co_await eventually(one_runs));
    // While the first callback runs, another leader takes the second report over.
    occupy_leadership();
    own(1000);
    leave_report(78, 1000);
    reports.may_end = true;
    const auto is_finished = [&] { return !note_about(77); };
    EXPECT_TRUE(co_await eventually(is_finished));
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 3));
    EXPECT_EQ(reports.ids, (std::vector<InstanceId>{77}));
    EXPECT_EQ(note_about(78), "1000:some-uuid:123");
    co_await node->stop();
  });
}

TEST_F(CleanupReports, ALeaderThatStopsLeavesTheRestToTheNext) {
  run_coroutine([&]() -> asio::awaitable<void> {
    SlowReports reports;
    const auto first = co_await make_node();
    const auto second = co_await make_node();
    first->set_node_cleaned_up_callback(reports.callback());
    second->set_node_cleaned_up_callback(reports.callback());
    register_ghost(77, 1);
    register_ghost(78, 2);
    co_await first->start();
    const auto one_runs = [&] { return reports.ids.size() == 1; };
    CO_ASSERT_TRUE(co_await eventually(one_runs));
    co_await second->start();
    const Outcome<void> stopped;
    first->stop(stopped.token());
    reports.may_end = true;
    co_await stopped.get();
    const auto both_reported = [&] { return reports.ids.size() == 2; };
    EXPECT_TRUE(co_await eventually(both_reported));
    const auto are_finished = [&] { return !probe().exists(name("reports")); };
    EXPECT_TRUE(co_await eventually(are_finished));
    std::ranges::sort(reports.ids);
    EXPECT_EQ(reports.ids, (std::vector<InstanceId>{77, 78}));
    co_await second->stop();
  });
}

TEST_F(CleanupReports, ANodeThatDoesNotLeadAnyMoreStillReportsWhatItRemoved) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    std::vector<InstanceId> reported;
    node->set_node_cleaned_up_callback([&](InstanceId id) { reported.push_back(id); });
    co_await node->start();
    const auto leads = [&] { return node->leader().is_leader(); };
    CO_ASSERT_TRUE(co_await eventually(leads));
    // As if the answer to its last cleanup had been lost together with the lead.
    occupy_leadership();
    leave_report(77, node->instance_id(), owner_of(node->instance_id()));
    const auto is_reported = [&] { return reported.size() == 1; };
    EXPECT_TRUE(co_await eventually(is_reported));
    const auto is_finished = [&] { return !note_about(77); };
    EXPECT_TRUE(co_await eventually(is_finished));
    co_await node->stop();
  });
}

TEST_F(CleanupReports, ANodeThatIsRemovedAgainIsReportedAgain) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    SlowReports reports;
    node->set_node_cleaned_up_callback(reports.callback());
    register_ghost(77);
    co_await node->start();
    const auto is_called = [&] { return reports.ids.size() == 1; };
    CO_ASSERT_TRUE(co_await eventually(is_called));
    register_ghost(77);
    const auto is_removed = [&] { return !is_registered(77); };
    CO_ASSERT_TRUE(co_await eventually(is_removed));
    reports.may_end = true;
    const auto is_called_again = [&] { return reports.ids.size() == 2; };
    EXPECT_TRUE(co_await eventually(is_called_again));
    const auto is_finished = [&] { return !note_about(77); };
    EXPECT_TRUE(co_await eventually(is_finished));
    co_await node->stop();
  });
}

TEST_F(CleanupReports, NodesHaveTimeToBeHeardAgainAfterRedisRefusedHeartbeats) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions slow = options();
    slow.heartbeat_interval = 500ms;
    slow.node_ttl = 2s;
    const auto node = co_await start_node(slow);
    const auto leads = [&] { return node->leader().is_leader(); };
    CO_ASSERT_TRUE(co_await eventually(leads));
    probe().command({"CONFIG", "SET", "maxmemory", "1"});
    const auto is_refused = [&] { return log().count("heartbeat failed: script: OOM") > 0; };
    EXPECT_TRUE(co_await eventually(is_refused));
    probe().command({"CONFIG", "SET", "maxmemory", "0"});
    register_ghost(77);
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 1));
    EXPECT_TRUE(is_registered(77));
    const auto is_removed = [&] { return !is_registered(77); };
    EXPECT_TRUE(co_await eventually(is_removed));
    co_await node->stop();
  });
}

TEST_F(CleanupReports, WhatIsNotANodeIsRemovedWithoutAReport) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    int reports = 0;
    node->set_node_cleaned_up_callback([&](InstanceId) { ++reports; });
    probe().command({"ZADD", name("heartbeats"), "1", "no id at all"});
    co_await node->start();
    const auto is_removed = [&] { return !probe().zscore(name("heartbeats"), "no id at all"); };
    EXPECT_TRUE(co_await eventually(is_removed));
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 2));
    EXPECT_EQ(reports, 0);
    expect_no_reports();
    co_await node->stop();
  });
}

TEST(CleanupFaults, ACallbackDoesNotRunAgainBecauseTheNoteCouldNotBeRemoved) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    faults::RedisProxy proxy(server);
    LogCapture log;
    faults::Node node(co_await asio::this_coro::executor, faults::mesh_key,
                      faults::patient_options(proxy.options(), log));
    int calls = 0;
    node.set_node_cleaned_up_callback([&](InstanceId) {
      ++calls;
      // What says that the report is finished gets lost with the connection.
      proxy.freeze();
    });
    RedisProbe probe = server.probe();
    probe.command({"ZADD", faults::key_of("heartbeats"), "1", "77"});
    co_await node.start();
    const auto is_called = [&] { return calls == 1; };
    CO_ASSERT_TRUE(co_await eventually(is_called));
    co_await sleep_for(50ms);
    proxy.drop_connections();
    proxy.thaw();
    const auto is_finished = [&] { return !probe.exists(faults::key_of("reports")); };
    EXPECT_TRUE(co_await eventually(is_finished));
    EXPECT_EQ(calls, 1);
    co_await node.stop();
  });
}

TEST(CleanupFaults, ThatAReportIsOursIsNotBelievedIfTheAnswerWasLongOnItsWay) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    faults::RedisProxy proxy(server);
    LogCapture log;
    MeshOptions options = faults::patient_options(proxy.options(), log);
    options.node_ttl = 4s;
    options.leader.ttl = 30s;
    faults::Node node(co_await asio::this_coro::executor, faults::mesh_key, options);
    std::vector<InstanceId> reported;
    bool may_end = false;
    const auto allowed = [&] { return may_end; };
    node.set_node_cleaned_up_callback([&](InstanceId id) -> asio::awaitable<void> {
      reported.push_back(id);
      co_await eventually(allowed);
    });
    RedisProbe probe = server.probe();
    const std::string reports = faults::key_of("reports");
    const auto times_asked = [&] { return probe.command_stats().calls("hget"); };
    probe.command({"ZADD", faults::key_of("heartbeats"), "1", "77", "2", "78"});
    co_await node.start();
    const auto one_is_reported = [&] { return reported.size() == 1; };
    CO_ASSERT_TRUE(co_await eventually(one_is_reported));
    proxy.delay_by(1100ms);                         // more than a quarter of node_ttl
    const std::string question = "$4\r\nHGET\r\n";  // no script contains that
    const std::size_t asked_before = proxy.chunks_with(question);
    may_end = true;
    const auto is_asking = [&] { return proxy.chunks_with(question) > asked_before; };
    CO_ASSERT_TRUE(co_await eventually(is_asking));
    const auto answered_before = times_asked();
    const auto is_answered = [&] { return times_asked() > answered_before; };
    CO_ASSERT_TRUE(co_await eventually(is_answered));
    // While the answer is on its way, another leader takes the report over.
    probe.command({"SET", faults::key_of("owner:1000"), "some-uuid"});
    probe.command({"HSET", reports, "78", "1000:some-uuid:123"});
    proxy.delay_by(0ms);
    const std::size_t beats_before = proxy.chunks_with("EVALSHA");
    const auto goes_on = [&] { return proxy.chunks_with("EVALSHA") > beats_before + 20; };
    EXPECT_TRUE(co_await eventually(goes_on));
    EXPECT_EQ(reported, (std::vector<InstanceId>{77}));
    EXPECT_EQ(probe.hget(reports, "78"), "1000:some-uuid:123");
    co_await node.stop();
  });
}

TEST_F(CleanupReports, ACallbackThatIsCancelledFromWithinCounts) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    std::vector<InstanceId> reported;
    node->set_node_cleaned_up_callback([&](InstanceId id) {
      reported.push_back(id);
      throw boost::system::system_error(asio::error::operation_aborted);
    });
    register_ghost(77, 1);
    register_ghost(78, 2);
    co_await node->start();
    const auto both_reported = [&] { return reported.size() == 2; };
    EXPECT_TRUE(co_await eventually(both_reported));
    const auto are_finished = [&] { return !probe().exists(name("reports")); };
    EXPECT_TRUE(co_await eventually(are_finished));
    co_await node->stop();
  });
}

TEST_F(CleanupReports, ADeadNodeWithAHeartbeatOfTheFutureIsGoneAfterOneTimeToLive) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions quick = options();
    quick.node_ttl = 2s;
    const auto node = co_await make_node(quick);
    std::vector<InstanceId> reported;
    node->set_node_cleaned_up_callback([&](InstanceId id) { reported.push_back(id); });
    // As after the clock of Redis was set back by a day.
    const auto tomorrow = probe().time() + 24h;
    register_ghost(77, static_cast<double>(milliseconds(tomorrow).count()));
    co_await node->start();
    const auto counts_as_now = [&] {
      const double score = last_heartbeat(77);
      return score > 0 && score <= static_cast<double>(probe().time().count());
    };
    EXPECT_TRUE(co_await eventually(counts_as_now));
    const double score = last_heartbeat(77);
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 2));
    EXPECT_EQ(last_heartbeat(77), score);  // and does not move any more
    const auto is_reported = [&] { return reported.size() == 1; };
    EXPECT_TRUE(co_await eventually(is_reported));
    EXPECT_FALSE(is_registered(77));
    co_await node->stop();
  });
}

TEST_F(CleanupReports, HostNamesWithoutAHeartbeatAreCollected) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    probe().command({"HSET", name("nodes"), "1234", "ghost-host", "1235", "ghost-host"});
    const auto is_collected = [&] { return probe().command({"HLEN", name("nodes")}) == 1; };
    EXPECT_TRUE(co_await eventually(is_collected));
    EXPECT_TRUE(probe().hget(name("nodes"), std::to_string(node->instance_id())));
    co_await node->stop();
  });
}

TEST_F(CleanupReports, AHostNameThatComesBeforeItsHeartbeatIsNotCollected) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto leads = [&] { return node->leader().is_leader(); };
    CO_ASSERT_TRUE(co_await eventually(leads));
    // As a node does that registers in two steps; a cleanup may come between them, but not two.
    for (int i = 0; i < 20; ++i) {
      const std::string id = std::to_string(2000 + i);
      const double before = last_heartbeat(node->instance_id());
      probe().command({"HSET", name("nodes"), id, "newcomer"});
      const auto one_heartbeat = [&] { return last_heartbeat(node->instance_id()) > before; };
      CO_ASSERT_TRUE(co_await eventually(one_heartbeat));
      if (!probe().hget(name("nodes"), id)) continue;  // this machine was too slow to tell
      probe().command({"ZADD", name("heartbeats"), "9999999999999", id});
      EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 3));
      EXPECT_TRUE(probe().hget(name("nodes"), id));
      break;
    }
    co_await node->stop();
  });
}

}  // namespace
}  // namespace mesh::test
