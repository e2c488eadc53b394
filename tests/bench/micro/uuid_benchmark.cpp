#include <benchmark/benchmark.h>

#include <micro/count_allocations.hpp>
#include <util/uuid.hpp>

namespace mesh::bench {
namespace {

void uuid(benchmark::State& state) {
  UuidGenerator uuids;
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(uuids.next());
}

BENCHMARK(uuid);

}  // namespace
}  // namespace mesh::bench
