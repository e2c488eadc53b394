#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include <integration/support/few_nodes_test.hpp>
#include <integration/support/outcome.hpp>
#include <mesh/metrics/prometheus.hpp>
#include <support/prometheus_text.hpp>

namespace mesh::test {
namespace {

class PrometheusNodes : public FewNodesTest {};

TEST_F(PrometheusNodes, TellWhatTheirCallsBecame) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    let_target_echo();
    const Text good = text_of("x");
    const Text bad = text_of("fail");
    co_await caller_->invoke<"echo">(2, good);
    co_await caller_->invoke<"echo">(2, good);
    co_await expect_error<MeshHandlerError>(caller_->invoke<"echo">(2, bad));

    const PrometheusCollectable nodes({{[this] { return caller_->stats(); }, {{"node", "1"}}},
                                       {[this] { return target_->stats(); }, {{"node", "2"}}}});
    const auto has_answered = [this] { return target_->stats().handlers["echo"].failed == 1; };
    EXPECT_TRUE(co_await eventually(has_answered));
    const auto samples = read_prometheus(nodes).samples;
    const MeshStats stats = caller_->stats();
    const std::string echo = "{node=\"1\",type=\"echo\"";
    EXPECT_EQ(samples.at("mesh_calls_sent_total{node=\"1\"}"), 3);
    EXPECT_EQ(samples.at("mesh_calls_total" + echo + ",outcome=\"succeeded\"}"), 2);
    EXPECT_EQ(samples.at("mesh_calls_total" + echo + ",outcome=\"handler_failed\"}"), 1);
    EXPECT_EQ(samples.at("mesh_call_latency_seconds_count" + echo + "}"), 3);
    EXPECT_DOUBLE_EQ(samples.at("mesh_call_latency_seconds_sum" + echo + "}"),
                     static_cast<double>(stats.calls.at("echo").latency.sum().count()) / 1e6);
    EXPECT_EQ(samples.at("mesh_connected{node=\"1\"}"), 1);
    const std::string handled = "mesh_handlers_total{node=\"2\",type=\"echo\"";
    EXPECT_EQ(samples.at(handled + ",outcome=\"succeeded\"}"), 2);
    EXPECT_EQ(samples.at(handled + ",outcome=\"failed\"}"), 1);
    for (const auto& counter : detail::prometheus_counters) {
      const std::string series = counter.name + std::string("{node=\"1\"}");
      EXPECT_EQ(samples.at(series), static_cast<double>(stats.*counter.figure)) << series;
    }
    co_await stop();
  });
}

}  // namespace
}  // namespace mesh::test
