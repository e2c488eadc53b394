#include <mesh/metrics/prometheus.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <support/prometheus_text.hpp>

namespace mesh::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

MeshStats some_figures() {
  MeshStats stats;
  std::uint64_t value = 100;
  for (const auto& counter : detail::prometheus_counters) stats.*counter.figure = ++value;
  stats.calls_pending = 1;
  stats.handlers_running = 2;
  stats.requests_queued = 3;
  stats.bytes_queued = 4;
  stats.connected = true;
  stats.last_error_at = std::chrono::system_clock::time_point(1'700'000'000s);
  CallTypeStats& call = stats.calls["echo"];
  call = {11, 12, 13, 14, 15, 16, 17, {}};
  call.latency.record(3ms);
  call.latency.record(40ms);
  HandlerTypeStats& handler = stats.handlers["echo"];
  handler = {21, 22, 23, 24, {}};
  handler.latency.record(1min);
  return stats;
}

PrometheusText what_is_read(const MeshStats& stats, const PrometheusLabels& labels = {}) {
  return read_prometheus(PrometheusCollectable([stats] { return stats; }, labels));
}

TEST(PrometheusMetrics, TellEachFigure) {
  const auto samples = what_is_read(some_figures()).samples;
  double value = 100;
  for (const auto& counter : detail::prometheus_counters)
    EXPECT_EQ(samples.at(counter.name), ++value) << counter.name;
  EXPECT_EQ(samples.at("mesh_calls_pending"), 1);
  EXPECT_EQ(samples.at("mesh_handlers_running"), 2);
  EXPECT_EQ(samples.at("mesh_requests_queued"), 3);
  EXPECT_EQ(samples.at("mesh_queued_bytes"), 4);
  EXPECT_EQ(samples.at("mesh_connected"), 1);
  EXPECT_EQ(samples.at("mesh_last_error_timestamp_seconds"), 1.7e9);
}

TEST(PrometheusMetrics, TellOutcomesByType) {
  const auto samples = what_is_read(some_figures()).samples;
  double value = 10;
  for (const std::string outcome : {"succeeded", "timed_out", "unreachable", "refused",
                                    "handler_failed", "other_errors", "cancelled"})
    EXPECT_EQ(samples.at("mesh_calls_total{type=\"echo\",outcome=\"" + outcome + "\"}"), ++value);
  value = 20;
  for (const std::string outcome : {"succeeded", "failed", "refused", "cancelled"})
    EXPECT_EQ(samples.at("mesh_handlers_total{type=\"echo\",outcome=\"" + outcome + "\"}"),
              ++value);
}

TEST(PrometheusMetrics, TellLatenciesInSeconds) {
  const auto samples = what_is_read(some_figures()).samples;
  EXPECT_EQ(samples.at("mesh_call_latency_seconds_count{type=\"echo\"}"), 2);
  EXPECT_DOUBLE_EQ(samples.at("mesh_call_latency_seconds_sum{type=\"echo\"}"), 0.043);
  EXPECT_EQ(samples.at("mesh_call_latency_seconds_bucket{type=\"echo\",le=\"0.0025\"}"), 0);
  EXPECT_EQ(samples.at("mesh_call_latency_seconds_bucket{type=\"echo\",le=\"0.005\"}"), 1);
  EXPECT_EQ(samples.at("mesh_call_latency_seconds_bucket{type=\"echo\",le=\"0.05\"}"), 2);
  EXPECT_EQ(samples.at("mesh_handler_latency_seconds_bucket{type=\"echo\",le=\"10\"}"), 0);
  EXPECT_EQ(samples.at("mesh_handler_latency_seconds_bucket{type=\"echo\",le=\"+Inf\"}"), 1);
}

prometheus::ClientMetric::Histogram histogram_of(const LatencyHistogram& latency) {
  MeshStats stats;
  stats.calls["x"].latency = latency;
  for (const auto& family : PrometheusCollectable([stats] { return stats; }).Collect()) {
    if (family.name == "mesh_call_latency_seconds") return family.metric.at(0).histogram;
  }
  throw std::runtime_error("there is no histogram");
}

TEST(PrometheusMetrics, BucketsAgreeWithSamples) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> distribution(16, 4);
  std::vector<nanoseconds> samples;
  LatencyHistogram latency;
  for (int i = 0; i < 20000; ++i) {
    const auto value = static_cast<std::int64_t>(std::min(distribution(random), 3.6e12));
    latency.record(samples.emplace_back(value));
  }
  const auto histogram = histogram_of(latency);
  ASSERT_EQ(histogram.bucket.size(), 17U);
  EXPECT_EQ(histogram.sample_count, samples.size());
  std::uint64_t before = 0;
  for (const auto& bucket : histogram.bucket) {
    const auto within = [&samples](double seconds) {
      return static_cast<std::uint64_t>(std::ranges::count_if(samples, [seconds](nanoseconds one) {
        return std::chrono::duration<double>(one).count() <= seconds;
      }));
    };
    EXPECT_GE(bucket.cumulative_count, before) << bucket.upper_bound;
    EXPECT_LE(bucket.cumulative_count, within(bucket.upper_bound)) << bucket.upper_bound;
    EXPECT_GE(bucket.cumulative_count, within(bucket.upper_bound / 1.032)) << bucket.upper_bound;
    before = bucket.cumulative_count;
  }
  EXPECT_EQ(histogram.bucket.front().upper_bound, 1e-4);
  EXPECT_EQ(histogram.bucket.at(15).upper_bound, 10);
  EXPECT_EQ(histogram.bucket.back().upper_bound, std::numeric_limits<double>::infinity());
  EXPECT_EQ(histogram.bucket.back().cumulative_count, samples.size());
}

TEST(PrometheusMetrics, FamiliesAreThereBeforeTheFirstCall) {
  const PrometheusText nothing = what_is_read(MeshStats{});
  EXPECT_EQ(nothing.types, what_is_read(some_figures()).types);
  EXPECT_EQ(nothing.samples.at("mesh_connected"), 0);
  EXPECT_EQ(nothing.samples.at("mesh_last_error_timestamp_seconds"), 0);
  EXPECT_EQ(nothing.samples.size(), detail::prometheus_counters.size() + 6);
}

TEST(PrometheusMetrics, NamesFollowTheConventions) {
  for (const auto& [name, type] : what_is_read(some_figures()).types) {
    EXPECT_TRUE(name.starts_with("mesh_")) << name;
    EXPECT_EQ(name.ends_with("_total"), type == "counter") << name;
    EXPECT_EQ(name.ends_with("_latency_seconds"), type == "histogram") << name;
  }
}

TEST(PrometheusMetrics, TypesThatAreNotUtf8CountTogether) {
  MeshStats stats = some_figures();
  const std::vector<std::string> wrong = {"\xff",
                                          "a\x80",
                                          "\xc3",
                                          "\xc0\x80",
                                          "\xe0\x80\x80",
                                          "\xed\xa0\x80",
                                          "\xe2\x82",
                                          "\xf4\x90\x80\x80",
                                          "\xf0\x80\x80\x80",
                                          std::string(1, '\0')};
  for (const std::string& type : wrong) {
    stats.calls[type] = stats.calls["echo"];
    stats.handlers[type] = stats.handlers["echo"];
  }
  stats.calls[""].cancelled = 1;
  const std::vector<std::string> right = {"\x7f",         "\xc3\xa4",         "\xed\x9f\xbf",
                                          "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};
  for (const std::string& type : right) stats.calls[type].succeeded = 5;
  const auto samples = what_is_read(stats).samples;
  const auto count = static_cast<double>(wrong.size());
  double value = 10;
  for (const std::string outcome :
       {"succeeded", "timed_out", "unreachable", "refused", "handler_failed", "other_errors"})
    EXPECT_EQ(samples.at("mesh_calls_total{type=\"\",outcome=\"" + outcome + "\"}"),
              ++value * count);
  EXPECT_EQ(samples.at("mesh_calls_total{type=\"\",outcome=\"cancelled\"}"), 17 * count + 1);
  EXPECT_EQ(samples.at("mesh_call_latency_seconds_count{type=\"\"}"), 2 * count);
  value = 20;
  for (const std::string outcome : {"succeeded", "failed", "refused", "cancelled"})
    EXPECT_EQ(samples.at("mesh_handlers_total{type=\"\",outcome=\"" + outcome + "\"}"),
              ++value * count);
  EXPECT_EQ(samples.at("mesh_handler_latency_seconds_count{type=\"\"}"), count);
  for (const std::string& type : right)
    EXPECT_EQ(samples.at("mesh_calls_total{type=\"" + type + "\",outcome=\"succeeded\"}"), 5);
}

TEST(PrometheusMetrics, ConstantLabelsAreOnEachSeries) {
  const auto samples = what_is_read(some_figures(), {{"app", "a \"b\"\n"}}).samples;
  for (const auto& sample : samples)
    EXPECT_NE(sample.first.find("{app=\"a \\\"b\\\"\\n\""), std::string::npos) << sample.first;
}

TEST(PrometheusMetrics, NodesShareFamilies) {
  std::vector<PrometheusSource> sources;
  for (const std::string node : {"one", "two"})
    sources.push_back({[] { return some_figures(); }, {{"node", node}}});
  const auto samples = read_prometheus(PrometheusCollectable(sources)).samples;
  EXPECT_EQ(samples.at("mesh_calls_pending{node=\"one\"}"), 1);
  EXPECT_EQ(samples.at("mesh_calls_pending{node=\"two\"}"), 1);
}

TEST(PrometheusMetrics, ANodeThatThrowsHasNoSeries) {
  std::vector<PrometheusSource> sources;
  sources.push_back({[]() -> MeshStats { throw std::runtime_error("gone"); }, {{"node", "one"}}});
  sources.push_back({[] { return some_figures(); }, {{"node", "two"}}});
  const auto samples = read_prometheus(PrometheusCollectable(sources)).samples;
  EXPECT_FALSE(samples.contains("mesh_connected{node=\"one\"}"));
  EXPECT_TRUE(samples.contains("mesh_connected{node=\"two\"}"));
}

TEST(PrometheusMetrics, WrongSourcesAreRefused) {
  const auto stats = [] { return MeshStats{}; };
  EXPECT_THROW(PrometheusCollectable(std::function<MeshStats()>{}), std::invalid_argument);
  for (const std::string name : {"", "1a", "a-b", "__a", "type", "outcome", "le"})
    EXPECT_THROW(PrometheusCollectable(stats, {{name, "x"}}), std::invalid_argument) << name;
  EXPECT_THROW(PrometheusCollectable(stats, {{"a", "\xff"}}), std::invalid_argument);
  EXPECT_NO_THROW(PrometheusCollectable(stats, {{"_a1", "x"}}));
  const std::vector<PrometheusSource> twice{{stats, {{"a", "x"}}}, {stats, {{"a", "x"}}}};
  EXPECT_THROW(PrometheusCollectable{twice}, std::invalid_argument);
}

TEST(PrometheusMetrics, MayBeCollectedBySeveralThreads) {
  const PrometheusCollectable collectable([] { return some_figures(); });
  const std::size_t families = collectable.Collect().size();
  std::array<std::size_t, 4> found{};
  std::vector<std::thread> threads;
  threads.reserve(found.size());
  for (std::size_t& one : found) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) one += collectable.Collect().size();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::size_t one : found) EXPECT_EQ(one, 50 * families);
}

}  // namespace
}  // namespace mesh::test
