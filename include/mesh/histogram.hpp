#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mesh {

/// How often something took how long, in a bounded number of buckets, which are the same for all
/// histograms, so that those of several nodes can be merged.
///
/// It tells durations from 1 µs to 1 h apart with a relative error of at most 3 %; what is longer
/// counts as 1 h, what is negative as 0. It takes up to 9 KiB of memory, and none while it is
/// empty.
///
/// A value: `const` members may be called from several threads at once, others by one at a time.
class LatencyHistogram {
 public:
  /// What took longer than the upper bound of the bucket before, and less than this.
  struct Bucket {
    std::chrono::nanoseconds upper_bound{0};
    std::uint64_t count = 0;  ///< Of this bucket alone.

    friend bool operator==(const Bucket&, const Bucket&) = default;
  };

  LatencyHistogram() = default;
  /// From what an exporter has read of others: how many are in each of the buckets, which begin
  /// with the shortest durations, and the sum and the largest of what was recorded. What is beyond
  /// the last bucket of a histogram counts as in that.
  LatencyHistogram(std::vector<std::uint64_t> counts, std::chrono::microseconds sum,
                   std::chrono::nanoseconds max);

  void record(std::chrono::nanoseconds duration);
  /// Adds what the other has recorded.
  void merge(const LatencyHistogram& other);

  /// How many durations were recorded.
  std::uint64_t count() const noexcept { return count_; }
  /// Of all durations, each rounded to whole microseconds.
  std::chrono::microseconds sum() const noexcept { return sum_; }
  /// The longest; 0 if there is none.
  std::chrono::nanoseconds max() const noexcept { return max_; }

  /// What such a share of the durations did not exceed: 0.5 asks for the median, 1 for the longest.
  /// Below 0 is as 0, above 1 as 1. 0 if nothing was recorded.
  std::chrono::nanoseconds quantile(double share) const noexcept;

  /// Those buckets that are not empty, the shortest durations first.
  std::vector<Bucket> buckets() const;

  friend bool operator==(const LatencyHistogram&, const LatencyHistogram&) = default;

 private:
  std::vector<std::uint64_t> counts_;  // up to the last one that is not 0
  std::uint64_t count_ = 0;
  std::chrono::microseconds sum_{0};
  std::chrono::nanoseconds max_{0};
};

}  // namespace mesh
