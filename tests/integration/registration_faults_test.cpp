// What becomes of registrations when Redis is cut off or loses its data.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

TEST(RegistrationFaults, ANodeFrozenForLongerThanItsTtlIsRemovedAndComesBack) {
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

using Nodes = std::vector<std::unique_ptr<Node>>;

/// All run under ids of their own and are registered.
asio::awaitable<bool> are_told_apart(const Nodes& nodes, RedisProbe& probe) {
  const auto distinct = [&] {
    std::set<InstanceId> ids;
    for (const auto& node : nodes) {
      if (node->instance_id() != 0) ids.insert(node->instance_id());
    }
    return ids.size() == nodes.size() && probe.integer({"ZCARD", key_of("heartbeats")}) ==
                                             static_cast<std::int64_t>(nodes.size());
  };
  co_return co_await eventually(distinct);
}

TEST(RegistrationFaults, NodesThatStartAtOnceOnARedisThatLostItsDataGetDifferentIds) {
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

TEST(RegistrationFaults, ANodeThatWasCutOffDuringAFlushSharesItsIdWithNobodyAfterwards) {
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

TEST(RegistrationFaults, ANodeRunsNoRequestsOfAnIdThatWentToAnotherNode) {
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
