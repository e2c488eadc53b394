#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <integration/support/mesh_test.hpp>

namespace mesh::test {
namespace {

using Labels = std::map<std::string, std::string>;

class NodeInfos : public MeshTest {
 protected:
  MeshOptions billing_options() const {
    MeshOptions result = options();
    result.info = {.name = "billing", .version = "1.4.2", .labels = {{"zone", "a"}}};
    return result;
  }
  static const NodeInfo* find(const std::vector<NodeInfo>& infos, InstanceId id) {
    for (const NodeInfo& info : infos) {
      if (info.instance_id == id) return &info;
    }
    return nullptr;
  }
  /// What `asker` knows of the node `id` from Redis.
  static asio::awaitable<NodeInfo> info_of(Service& asker, InstanceId id) {
    const std::vector<NodeInfo> infos = co_await asker.get_node_infos();
    const NodeInfo* const found = find(infos, id);
    co_return found == nullptr ? NodeInfo{} : *found;
  }
};

TEST_F(NodeInfos, SayWhatANodeIsAndServes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto begin = std::chrono::system_clock::now() - std::chrono::seconds(1);
    const auto caller = co_await start_node();
    const auto server = co_await make_node(billing_options());
    server->register_handler<"echo">([](Text text) { return text; });
    co_await server->start();

    const NodeInfo info = co_await info_of(*caller, server->instance_id());
    EXPECT_EQ(info.name, "billing");
    EXPECT_EQ(info.version, "1.4.2");
    EXPECT_EQ(info.labels, (Labels{{"zone", "a"}}));
    EXPECT_EQ(info.types, std::vector<std::string>{"echo"});
    EXPECT_EQ(info.language, "C++");
    EXPECT_FALSE(info.hostname.empty());
    EXPECT_FALSE(info.self);
    EXPECT_FALSE(info.has_fallback_handler);
    EXPECT_GE(info.started_at, begin);
    EXPECT_LE(info.started_at, std::chrono::system_clock::now());

    const NodeInfo own = co_await info_of(*caller, caller->instance_id());
    EXPECT_TRUE(own.self);
    EXPECT_TRUE(own.types.empty());
    co_await caller->stop();
    co_await server->stop();
  });
}

TEST_F(NodeInfos, AreCurrentAsHandlersComeAndGo) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions slow = options();
    slow.heartbeat_interval = std::chrono::minutes(10);
    slow.node_ttl = std::chrono::minutes(20);
    const auto caller = co_await start_node(slow);
    const auto server = co_await start_node(slow);
    const InstanceId id = server->instance_id();
    const auto become = [&](std::vector<std::string> types,
                            bool has_fallback) -> asio::awaitable<bool> {
      const auto deadline = SteadyClock::now() + 20s;
      for (;;) {
        const NodeInfo info = co_await info_of(*caller, id);
        if (info.types == types && info.has_fallback_handler == has_fallback) co_return true;
        if (SteadyClock::now() > deadline) co_return false;
        co_await sleep_for(10ms);
      }
    };
    std::vector<std::string> expected{"echo", "named at run time"};
    server->register_handler<"echo">([](Text text) { return text; });
    server->register_handler("named at run time",
                             [](CallContext&, std::string_view) { return std::string("1"); });
    EXPECT_TRUE(co_await become(expected, false));
    server->register_fallback_handler(
        [](CallContext&, std::string_view) { return std::string("1"); });
    EXPECT_TRUE(co_await become(expected, true));
    server->unregister_handler<"echo">();
    expected = {"named at run time"};
    EXPECT_TRUE(co_await become(expected, true));
    co_await caller->stop();
    co_await server->stop();
  });
}

TEST_F(NodeInfos, OfANodeThatSaysNothingHoldWhatIsKnown) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    register_ghosts(500, 500);
    const NodeInfo info = co_await info_of(*node, 500);
    EXPECT_EQ(info.instance_id, 500);
    EXPECT_EQ(info.hostname, "ghost-host");
    EXPECT_EQ(info.language, "");
    EXPECT_EQ(info.started_at.time_since_epoch().count(), 0);
    EXPECT_FALSE(info.serves("$mesh.ping"));
    co_await node->stop();
  });
}

TEST_F(NodeInfos, OfWhoDoesNotOwnTheIdDoNotCount) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    register_ghosts(500, 501);
    const std::string info = R"({"owner":"somebody","types":["echo"],"language":"C++"})";
    probe().command({"HSET", name("info"), "500", info, "501", info});
    probe().command({"SET", name("owner:500"), "somebody"});
    probe().command({"SET", name("owner:501"), "somebody else"});
    const NodeInfo first = co_await info_of(*node, 500);
    EXPECT_EQ(first.types, std::vector<std::string>{"echo"});
    EXPECT_EQ(first.hostname, "ghost-host");
    const NodeInfo second = co_await info_of(*node, 501);
    EXPECT_TRUE(second.types.empty());
    EXPECT_EQ(second.language, "");
    co_await node->stop();
  });
}

TEST_F(NodeInfos, AreRemovedWithTheNode) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions quick = options();
    quick.node_ttl = 400ms;
    const auto leader = co_await start_node(quick);
    const auto leaving = co_await start_node(quick);
    auto dying = co_await start_node(quick);
    const auto is_there = [&](InstanceId id) {
      return !probe().command({"HGET", name("info"), std::to_string(id)}).is_null();
    };
    const InstanceId left = leaving->instance_id();
    const InstanceId died = dying->instance_id();
    EXPECT_TRUE(is_there(left));
    EXPECT_TRUE(is_there(died));
    co_await leaving->stop();
    EXPECT_FALSE(is_there(left));
    dying.reset();
    EXPECT_TRUE(co_await eventually([&] { return !is_there(died); }));
    EXPECT_TRUE(is_there(leader->instance_id()));
    co_await leader->stop();
  });
}

// As a leader in TypeScript leaves them. On a cluster there is none.
TEST_F(NodeInfos, OfNodesThatAreGoneAreCleared) {
  run_coroutine([&]() -> asio::awaitable<void> {
    occupy_leadership();
    const auto node = co_await start_node();
    probe().command({"HSET", name("info"), "900", "{}", "901", "not even JSON", "x", ""});
    const auto count = [&] { return probe().command({"HLEN", name("info")}).get<int>(); };
    EXPECT_TRUE(co_await eventually([&] { return count() == 1; }));
    co_await node->stop();
  });
}

TEST_F(NodeInfos, ComeBackAfterTheyWereLost) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node(billing_options());
    co_await node->start();
    probe().command({"DEL", name("info")});
    auto is_back = [&] { return probe().command({"HLEN", name("info")}).get<int>() == 1; };
    EXPECT_TRUE(co_await eventually(is_back));
    const NodeInfo info = co_await info_of(*node, node->instance_id());
    EXPECT_EQ(info.name, "billing");
    co_await node->stop();
  });
}

// Such as of a replica that lagged behind when it took the place of the master.
TEST_F(NodeInfos, AnOlderOneIsReplacedAfterAReconnect) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions slow = billing_options();
    slow.heartbeat_interval = std::chrono::minutes(10);
    slow.node_ttl = std::chrono::minutes(20);
    const auto node = co_await start_node(slow);
    const std::string member = std::to_string(node->instance_id());
    const std::string info = probe().hget(name("info"), member).value_or("");
    EXPECT_NE(info.find("billing"), std::string::npos);
    probe().command({"HSET", name("info"), member, R"({"owner":"of before"})"});
    kill_connections("normal");
    const auto is_back = [&] { return probe().hget(name("info"), member) == info; };
    EXPECT_TRUE(co_await eventually(is_back));
    co_await node->stop();
  });
}

TEST_F(NodeInfos, AreAnnouncedAgainWhereTheirOwnerWasLost) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 1));
    const auto changes = [&] { return probe().get(name("changes")); };
    const auto before = changes();
    EXPECT_TRUE(co_await heartbeats_pass(node->instance_id(), 3));
    EXPECT_EQ(changes(), before);
    probe().command({"DEL", name("owner:" + std::to_string(node->instance_id()))});
    EXPECT_TRUE(co_await eventually([&] { return changes() != before; }));
    co_await node->stop();
  });
}

TEST_F(NodeInfos, AreListedOfAsManyNodesAsThereAre) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    register_ghosts(2000, 4500);
    const std::vector<NodeInfo> infos = co_await node->get_node_infos();
    EXPECT_EQ(infos.size(), 2502U);
    EXPECT_EQ(infos.front().language, "C++");
    EXPECT_EQ(infos.back().instance_id, 4500);
    co_await node->stop();
  });
}

}  // namespace
}  // namespace mesh::test
