#include <mesh/histogram.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <introspection/latency_buckets.hpp>

namespace mesh {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

LatencyHistogram::LatencyHistogram(std::vector<std::uint64_t> counts, microseconds sum,
                                   nanoseconds max)
    : counts_(std::move(counts)), sum_(sum), max_(introspection::clamp_latency(max)) {
  while (counts_.size() > introspection::bucket_count) {
    const std::uint64_t beyond = counts_.back();
    counts_.pop_back();
    counts_.back() += beyond;
  }
  while (!counts_.empty() && counts_.back() == 0) counts_.pop_back();
  count_ = std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

void LatencyHistogram::record(nanoseconds duration) {
  const nanoseconds latency = introspection::clamp_latency(duration);
  const std::size_t bucket = introspection::bucket_of(latency);
  if (bucket >= counts_.size()) counts_.resize(bucket + 1);
  ++counts_[bucket];
  ++count_;
  sum_ += introspection::in_microseconds(latency);
  max_ = std::max(max_, latency);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

nanoseconds LatencyHistogram::quantile(double share) const noexcept {
  if (count_ == 0) return nanoseconds::zero();
  const double rank = std::ceil(share * static_cast<double>(count_));
  if (rank >= static_cast<double>(count_)) return max_;
  std::uint64_t wanted = rank > 1 ? static_cast<std::uint64_t>(rank) : 1;
  std::size_t bucket = 0;
  while (wanted > counts_[bucket]) wanted -= counts_[bucket++];
  const nanoseconds begin = introspection::begin_of_bucket(bucket);
  const nanoseconds end = introspection::begin_of_bucket(bucket + 1);
  return std::min(begin + (end - begin) / 2, max_);
}

std::vector<LatencyHistogram::Bucket> LatencyHistogram::buckets() const {
  std::vector<Bucket> result;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] > 0) result.push_back({introspection::begin_of_bucket(i + 1), counts_[i]});
  }
  return result;
}

}  // namespace mesh
