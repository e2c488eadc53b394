// Commands that measure: ping, stats and bench.

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include <meshctl/meshctl_test.hpp>

namespace mesh::test {
namespace {

class MeshctlFigures : public MeshctlTest {};

TEST_F(MeshctlFigures, PingMeasuresEachNode) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(2);
    const auto ping = co_await run(0, "ping", "--json", "--count", "5", "--interval", "1ms");
    auto objects = ping->objects();
    CO_ASSERT_TRUE(objects.size() == 2);
    for (Json& node : objects) {
      EXPECT_EQ(node["sent"], 5);
      EXPECT_EQ(node["answered"], 5);
      EXPECT_TRUE(node["knowsPing"]);
      EXPECT_GT(node["minUs"], 0);
      EXPECT_LE(node["minUs"], node["p50Us"]);
      EXPECT_LE(node["p50Us"], node["p90Us"]);
      EXPECT_LE(node["p90Us"], node["p99Us"]);
      EXPECT_LE(node["p99Us"], node["maxUs"]);
    }
    const auto table = co_await run(2, "ping", "2", "99", "-c", "1");
    EXPECT_EQ(table->lines().size(), 3U) << table->out();
    EXPECT_NE(table->out().find("1/1"), std::string::npos);
    EXPECT_NE(table->out().find("0/1"), std::string::npos);
    EXPECT_NE(table->out().find("unreachable"), std::string::npos);
    co_await stop_nodes();
  });
}

TEST_F(MeshctlFigures, PingWithoutNodesAndOfWhatIsNoIdIsAnError) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto nobody = co_await run(1, "ping");
    EXPECT_NE(nobody->err().find("no other node"), std::string::npos);
    const auto wrong = co_await run(1, "ping", "seven");
    EXPECT_NE(wrong->err().find("\"seven\" is no id"), std::string::npos);
  });
}

TEST_F(MeshctlFigures, StatsAddUpOverNodes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(2);
    for (int i = 0; i < 3; ++i) co_await nodes_[0]->invoke<"nothing">(2);
    co_await nodes_[1]->invoke<"nothing">(1);
    co_await expect_error<MeshHandlerError>(nodes_[0]->invoke_raw(2, "fail", "null"));
    const auto stats = co_await run(0, "stats", "--json");
    Json document = stats->objects().at(0);
    EXPECT_EQ(document["nodes"], Json::array({1, 2}));
    Json& total = document["total"];
    EXPECT_EQ(total["callsSent"], 5);
    EXPECT_EQ(total["handlers"]["nothing"]["succeeded"], 4);
    EXPECT_EQ(total["handlers"]["fail"]["failed"], 1);
    EXPECT_EQ(total["calls"]["nothing"]["succeeded"], 4);
    EXPECT_EQ(total["calls"]["nothing"]["latency"]["count"], 4);
    EXPECT_GT(total["calls"]["nothing"]["latency"]["p50Us"], 0);
    EXPECT_LE(total["calls"]["nothing"]["latency"]["p50Us"],
              total["calls"]["nothing"]["latency"]["maxUs"]);
    const auto of_one = co_await run(0, "stats", "1", "--json");
    EXPECT_EQ(of_one->objects().at(0)["total"]["handlers"]["nothing"]["succeeded"], 1);
    const auto table = co_await run(0, "stats");
    EXPECT_NE(table->out().find("figures of 2 of 2 nodes"), std::string::npos) << table->out();
    const auto missing = co_await run(2, "stats", "99");
    EXPECT_NE(missing->out().find("figures of 0 of 1 nodes"), std::string::npos);
    co_await stop_nodes();
  });
}

TEST_F(MeshctlFigures, BenchTellsHowManyCallsAreAnswered) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    const auto bench = co_await run(0, "bench", "any", "untyped", "[1]", "-c", "4", "--duration",
                                    "300ms", "--json");
    Json result = bench->objects().at(0);
    EXPECT_GT(result["succeeded"], 0);
    EXPECT_EQ(result["failed"], 0);
    EXPECT_EQ(result["concurrency"], 4);
    EXPECT_GT(result["callsPerSecond"], 0);
    EXPECT_EQ(result["latency"]["count"], result["succeeded"]);
    EXPECT_GE(nodes_[0]->stats().requests_received, result["succeeded"].get<std::uint64_t>());
    const auto text = co_await run(0, "bench", "1", "$mesh.ping", "-d", "100ms");
    EXPECT_NE(text->out().find("calls/s"), std::string::npos);
    co_await run(6, "bench", "1", "missing");
    co_await run(1, "bench", "all", "untyped");
    co_await stop_nodes();
  });
}

TEST_F(MeshctlFigures, BenchCountsErrorsByTheirKind) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    int calls = 0;
    nodes_[0]->register_handler("odd", [&calls](CallContext&, std::string_view) -> std::string {
      if (calls++ % 2 != 0) throw std::runtime_error("odd");
      return "null";
    });
    const auto bench =
        co_await run(4, "bench", "1", "odd", "-c", "1", "--duration", "300ms", "--json");
    Json result = bench->objects().at(0);
    EXPECT_GT(result["succeeded"], 0);
    EXPECT_GT(result["failed"], 0);
    EXPECT_EQ(result["errors"], (Json{{"handler", result["failed"]}}));
    co_await stop_nodes();
  });
}

}  // namespace
}  // namespace mesh::test
