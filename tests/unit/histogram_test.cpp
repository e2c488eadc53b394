#include <mesh/histogram.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <introspection/latency_buckets.hpp>

namespace mesh {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

LatencyHistogram histogram_of(const std::vector<nanoseconds>& samples) {
  LatencyHistogram histogram;
  for (const nanoseconds sample : samples) histogram.record(sample);
  return histogram;
}

template <typename Distribution>
std::vector<nanoseconds> samples_of(Distribution distribution) {
  std::mt19937_64 random(7);
  std::vector<nanoseconds> samples;
  for (int i = 0; i < 20000; ++i) {
    const double value = std::clamp(static_cast<double>(distribution(random)), 1e3, 3.6e12);
    samples.emplace_back(static_cast<std::int64_t>(value));
  }
  return samples;
}

void expect_quantiles_of(std::vector<nanoseconds> samples, const std::string& name) {
  const LatencyHistogram histogram = histogram_of(samples);
  std::ranges::sort(samples);
  for (const double share : {0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = std::ceil(share * static_cast<double>(samples.size()));
    const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
    const auto expected = static_cast<double>(samples[index].count());
    const auto found = static_cast<double>(histogram.quantile(share).count());
    EXPECT_NEAR(found, expected, 0.02 * expected) << name << ", " << share;
  }
  EXPECT_EQ(histogram.max(), samples.back()) << name;
  EXPECT_EQ(histogram.count(), samples.size()) << name;
}

TEST(Histogram, QuantilesAgreeWithSortedSamples) {
  expect_quantiles_of(samples_of(std::uniform_real_distribution(1e3, 1e6)), "uniform");
  expect_quantiles_of(samples_of(std::exponential_distribution(1 / 3e5)), "exponential");
  expect_quantiles_of(samples_of(std::lognormal_distribution(13.0, 2.0)), "lognormal");
  expect_quantiles_of(samples_of(std::normal_distribution(5e9, 1e9)), "normal");
  std::mt19937_64 random(8);
  std::vector<nanoseconds> two_humps = samples_of(std::normal_distribution(2e4, 1e3));
  const std::vector<nanoseconds> slow = samples_of(std::normal_distribution(1e10, 1e8));
  two_humps.insert(two_humps.end(), slow.begin(), slow.begin() + 2000);
  expect_quantiles_of(std::move(two_humps), "two humps");
}

TEST(Histogram, MergingIsRecordingIntoOne) {
  const auto some = samples_of(std::exponential_distribution(1 / 2e4));
  const auto others = samples_of(std::lognormal_distribution(15.0, 3.0));
  std::vector<nanoseconds> all = some;
  all.insert(all.end(), others.begin(), others.end());
  LatencyHistogram merged = histogram_of(some);
  merged.merge(histogram_of(others));
  EXPECT_EQ(merged, histogram_of(all));
  LatencyHistogram other_way = histogram_of(others);
  other_way.merge(histogram_of(some));
  EXPECT_EQ(other_way, merged);
  merged.merge(LatencyHistogram());
  EXPECT_EQ(merged, other_way);
}

TEST(Histogram, AnEmptyOneSaysZero) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.sum(), 0us);
  EXPECT_EQ(histogram.max(), 0ns);
  EXPECT_EQ(histogram.quantile(0.5), 0ns);
  EXPECT_TRUE(histogram.buckets().empty());
}

TEST(Histogram, SumsUpWholeMicroseconds) {
  const LatencyHistogram histogram = histogram_of({1500ns, 2ms, 499ns});
  EXPECT_EQ(histogram.sum(), 2002us);
  EXPECT_EQ(histogram.max(), 2ms);
}

TEST(Histogram, WhatIsBeyondItsRangeCountsAsItsEnds) {
  const LatencyHistogram histogram = histogram_of({-1ns, 25h, nanoseconds::max()});
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.max(), 1h);
  EXPECT_EQ(histogram.sum(), 2h);
  EXPECT_EQ(histogram, histogram_of({0ns, 1h, 1h}));
}

TEST(Histogram, OddSharesAreAsTheNearestThatMakeSense) {
  const LatencyHistogram histogram = histogram_of({1ms, 2ms, 3ms});
  EXPECT_EQ(histogram.quantile(-1), histogram.quantile(0));
  EXPECT_EQ(histogram.quantile(2), 3ms);
  EXPECT_EQ(histogram.quantile(std::numeric_limits<double>::infinity()), 3ms);
  EXPECT_EQ(histogram.quantile(std::numeric_limits<double>::quiet_NaN()), histogram.quantile(0));
}

TEST(Histogram, BucketsHoldWhatIsBelowTheirUpperBounds) {
  const LatencyHistogram histogram = histogram_of({1us, 1us, 5ms, 1h});
  const auto buckets = histogram.buckets();
  ASSERT_EQ(buckets.size(), 3U);
  EXPECT_EQ(buckets[0].count, 2U);
  EXPECT_EQ(buckets[1].count, 1U);
  EXPECT_EQ(buckets[2].count, 1U);
  const std::vector<nanoseconds> recorded{1us, 5ms, 1h};
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    EXPECT_GT(buckets[i].upper_bound, recorded[i]);
    EXPECT_LE(buckets[i].upper_bound, recorded[i] + recorded[i] / 30);
  }
}

TEST(Histogram, IsMadeOfWhatOthersCounted) {
  const LatencyHistogram one({0, 3, 1, 0, 0}, 1us, 40ns);
  EXPECT_EQ(one.count(), 4U);
  EXPECT_EQ(one, LatencyHistogram({0, 3, 1}, 1us, 40ns));
  std::vector<std::uint64_t> too_many(introspection::bucket_count + 2, 1);
  const LatencyHistogram cut(std::move(too_many), 1us, 2h);
  EXPECT_EQ(cut.count(), introspection::bucket_count + 2);
  EXPECT_EQ(cut.buckets().back().count, 3U);
  EXPECT_EQ(cut.max(), 1h);
}

TEST(Histogram, EveryBucketBeginsWhereTheOneBeforeEnds) {
  using introspection::begin_of_bucket;
  using introspection::bucket_of;
  for (std::size_t i = 0; i < introspection::bucket_count; ++i) {
    const nanoseconds begin = begin_of_bucket(i);
    const nanoseconds end = begin_of_bucket(i + 1);
    EXPECT_EQ(bucket_of(begin), i);
    EXPECT_EQ(bucket_of(end - 1ns), i);
    if (begin >= 1us) {
      EXPECT_LE(32 * (end - begin), begin) << i;
    }
  }
}

}  // namespace
}  // namespace mesh
