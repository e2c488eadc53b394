// meshctl in a mesh with a node of each kind.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <interop/mesh_pair.hpp>
#include <meshctl/meshctl_process.hpp>

namespace mesh::test {
namespace {

std::unique_ptr<Meshctl> begin_meshctl(const RedisServer& server,
                                       std::vector<std::string> arguments) {
  for (const char* option : {"-p", "test", "-k", mesh_key, "--url"}) arguments.emplace_back(option);
  arguments.push_back(url_of(server.options()));
  return std::make_unique<Meshctl>(std::move(arguments));
}

asio::awaitable<std::unique_ptr<Meshctl>> end_of(std::unique_ptr<Meshctl> process, int status) {
  const int ended = co_await process->ended();
  EXPECT_EQ(ended, status) << process->out() << process->err();
  co_return process;
}

template <typename... Words>
asio::awaitable<std::unique_ptr<Meshctl>> run_meshctl(const RedisServer& server, int status,
                                                      const Words&... words) {
  return end_of(begin_meshctl(server, {std::string(words)...}), status);
}

TEST(MeshctlInterop, ListsPingsAndCallsNodesOfBothKinds) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Pair mesh(executor);
    co_await mesh.start();
    const auto nodes = co_await run_meshctl(mesh.redis, 0, "nodes", "--json");
    auto listed = nodes->objects();
    CO_ASSERT_TRUE(listed.size() == 2);
    EXPECT_EQ(listed[0]["language"], "C++");
    EXPECT_EQ(listed[1]["id"], mesh.js.id());
    EXPECT_FALSE(listed[1].contains("language"));
    EXPECT_FALSE(listed[1]["knowsPing"]);
    const auto table = co_await run_meshctl(mesh.redis, 0, "nodes");
    EXPECT_NE(table->out().find("TypeScript?"), std::string::npos) << table->out();

    const std::string js_id = std::to_string(mesh.js.id());
    const auto ping = co_await run_meshctl(mesh.redis, 0, "ping", js_id, "-c", "3", "--json");
    Json pinged = ping->objects().at(0);
    EXPECT_EQ(pinged["answered"], 3);
    EXPECT_FALSE(pinged["knowsPing"]);
    EXPECT_GT(pinged["minUs"], 0);

    const auto sum = co_await run_meshctl(mesh.redis, 0, "call", js_id, "add", R"({"a":2,"b":3})");
    EXPECT_EQ(sum->out(), "{\"sum\":5}\n");
    const auto failed =
        co_await run_meshctl(mesh.redis, 4, "call", js_id, "fail", R"({"message":"no"})");
    EXPECT_NE(failed->err().find("the handler failed: no"), std::string::npos) << failed->err();
    co_await run_meshctl(mesh.redis, 6, "call", js_id, "missing");
    const auto stats = co_await run_meshctl(mesh.redis, 0, "stats", "--json");
    Json document = stats->objects().at(0);
    EXPECT_EQ(document["nodes"].size(), 1U);
    EXPECT_TRUE(document["missing"].contains(js_id)) << document;
    co_await mesh.stop();
  });
}

TEST(MeshctlInterop, SendsAndHearsBroadcastsOfBothKinds) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Pair mesh(executor);
    co_await mesh.start();
    co_await run_meshctl(mesh.redis, 0, "broadcast", "configUpdated", R"({"level":3})");
    const Json level{{"level", 3}};
    EXPECT_TRUE(co_await eventually([&] { return mesh.cpp.received.size() == 1; }));
    EXPECT_EQ(mesh.cpp.received[0].data, level);
    auto js_has_it = [&]() -> asio::awaitable<bool> {
      const Json received = co_await mesh.js.received();
      co_return received.size() == 1 && received[0]["data"] == level;
    };
    EXPECT_TRUE(co_await eventually(js_has_it));

    const auto listen = begin_meshctl(mesh.redis, {"listen", "--json"});
    EXPECT_TRUE(co_await eventually([&] { return listen->lines().size() == 2; }));
    const Json request{{"op", "broadcast"}, {"type", "hello"}, {"data", Json::array({1})}};
    co_await mesh.js.peer().call(request);
    EXPECT_TRUE(co_await eventually([&] { return listen->lines().size() == 3; }));
    co_await mesh.js.stop();
    EXPECT_TRUE(co_await eventually([&] { return listen->lines().size() == 4; }));
    listen->interrupt();
    EXPECT_EQ(co_await listen->ended(), 0);
    auto events = listen->objects();
    CO_ASSERT_TRUE(events.size() == 4);
    EXPECT_EQ(events[2]["type"], "hello");
    EXPECT_EQ(events[2]["sender"], mesh.js.id());
    EXPECT_EQ(events[3]["event"], "left");
    co_await mesh.cpp.service.stop();
  });
}

}  // namespace
}  // namespace mesh::test
