#pragma once

#include <benchmark/benchmark.h>

#include <micro/allocations.hpp>

namespace mesh::bench {

/// From here to the end of its scope: reports `allocs` and `bytes` allocated per iteration.
class CountAllocations {
 public:
  explicit CountAllocations(benchmark::State& state)
      : state_(state), before_(allocations_so_far()) {}
  ~CountAllocations() {
    const Allocations now = allocations_so_far();
    report("allocs", now.count - before_.count);
    report("bytes", now.bytes - before_.bytes);
  }
  CountAllocations(const CountAllocations&) = delete;
  CountAllocations& operator=(const CountAllocations&) = delete;

 private:
  void report(const char* name, std::uint64_t total) {
    state_.counters[name] =
        benchmark::Counter(static_cast<double>(total), benchmark::Counter::kAvgIterations);
  }

  benchmark::State& state_;
  Allocations before_;
};

}  // namespace mesh::bench
