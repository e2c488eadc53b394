#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>
#include <boost/asio/bind_executor.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/detail/post_completion.hpp>

#include <core/counters.hpp>
#include <core/deadline_map.hpp>
#include <core/pending_calls.hpp>
#include <micro/count_allocations.hpp>
#include <micro/payloads.hpp>
#include <micro/sequential_id.hpp>
#include <micro/strand_runner.hpp>

namespace mesh::bench {
namespace {

using namespace std::chrono_literals;
using benchmark::State;

/// How many others are in the table meanwhile.
void other_entries(benchmark::internal::Benchmark* benchmark) {
  for (const int count : {0, 1000, 50000}) benchmark->Arg(count);
}

std::string other_key(std::int64_t number) {
  return "another one, number " + std::to_string(number);
}

/// A table with as many pending calls as the benchmark asks for.
struct Table {
  explicit Table(const State& state) {
    bool done = false;
    runner.run(
        [&] {
          for (std::int64_t i = 0; i < state.range(0); ++i) add(other_key(i), never, 1h);
          done = true;
        },
        done);
  }

  void add(std::string id, bool& completed, Clock::duration remaining) {
    constexpr std::chrono::milliseconds timeout = 1h;
    auto complete = [&completed](const std::exception_ptr&, const std::string&) {
      completed = true;
    };
    detail::PostedHandler posted(runner.context().get_executor(),
                                 asio::bind_executor(runner.strand(), complete));
    core::PendingCall call{std::move(posted), 7, "echo", timeout,
                           Clock::now() - timeout + remaining};
    calls.add(std::move(id), std::move(call));
  }

  StrandRunner runner;
  core::Counters counters;
  core::PendingCalls calls{runner.strand(), counters};
  bool never = false;
};

/// Measures from `begin`, which adds the call that `id` names, until it has completed.
template <typename Begin>
void measure_completion(State& state, Begin begin) {
  Table table(state);
  SequentialId id(request_id());
  bool completed = false;
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) {
    completed = false;
    table.runner.run([&] { begin(table, id, completed); }, completed);
  }
}

void pending_insert_complete(State& state) {
  measure_completion(state, [](Table& table, SequentialId& id, bool& completed) {
    table.add(id.next(), completed, 1h);
    table.calls.on_response(wire::Response{id.id(), "null", {}});
  });
}

/// With the exception that the caller gets.
void pending_insert_expire(State& state) {
  measure_completion(state, [](Table& table, SequentialId& id, bool& completed) {
    table.add(id.next(), completed, 0h);
  });
}

using Deadlines = core::DeadlineMap<RequestId, int>;

void add_others(const State& state, Deadlines& deadlines, TimePoint deadline) {
  for (std::int64_t i = 0; i < state.range(0); ++i) deadlines.insert(other_key(i), 0, deadline);
}

void deadline_map_insert_extract(State& state) {
  const TimePoint now = Clock::now();
  Deadlines deadlines;
  add_others(state, deadlines, now + 1s);
  SequentialId id(request_id());
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) {
    const std::string& key = id.next();
    deadlines.insert(key, 1, now + 2s);
    benchmark::DoNotOptimize(deadlines.extract(key));
  }
}

void deadline_map_insert_expire(State& state) {
  const TimePoint now = Clock::now();
  Deadlines deadlines;
  add_others(state, deadlines, now + 1s);
  SequentialId id(request_id());
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) {
    deadlines.insert(id.next(), 1, now);
    const auto due = deadlines.first_due(now);
    benchmark::DoNotOptimize(deadlines.extract(*due));
  }
}

BENCHMARK(pending_insert_complete)->Apply(other_entries);
BENCHMARK(pending_insert_expire)->Apply(other_entries);
BENCHMARK(deadline_map_insert_extract)->Apply(other_entries);
BENCHMARK(deadline_map_insert_expire)->Apply(other_entries);

}  // namespace
}  // namespace mesh::bench
