#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include <core/waiting_requests.hpp>
#include <micro/count_allocations.hpp>
#include <micro/payloads.hpp>
#include <micro/sequential_id.hpp>

namespace mesh::bench {
namespace {

using namespace std::chrono_literals;
using benchmark::State;

void queue_lengths(benchmark::internal::Benchmark* benchmark) {
  for (const int length : {64, 1024, 16384}) benchmark->Arg(length);
}

/// A queue that is full, and whose oldest request has waited too long whenever another one arrives.
class FullQueue {
 public:
  explicit FullQueue(std::size_t length)
      : requests_({length, length * size, static_cast<long>(length) * step}) {
    for (std::size_t i = 0; i < length; ++i) push();
  }

  /// One arrival, as the server handles it. False if the queue was not full.
  bool arrive() {
    const auto overdue = requests_.pop_overdue(now_);
    const bool is_one = overdue && !requests_.pop_overdue(now_);
    push();
    benchmark::DoNotOptimize(requests_.next_event());
    return is_one;
  }

 private:
  static constexpr auto step = 1ms;
  static constexpr std::size_t size = 100;

  void push() {
    core::WaitingRequest waiting;
    waiting.request.request_id = RequestId(id_.next());
    waiting.request.size = size;
    waiting.timeout = 1h;
    waiting.arrived_at = now_;
    waiting.heard_at = now_;
    waiting.next_heartbeat = now_ + 45min;
    if (requests_.has_room_for(waiting.request)) requests_.push(std::move(waiting));
    now_ += step;
  }

  core::WaitingRequests requests_;
  SequentialId id_{request_id()};
  TimePoint now_{1h};
};

void full_queue_expire_arrive(State& state) {
  FullQueue queue(static_cast<std::size_t>(state.range(0)));
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) {
    if (!queue.arrive()) state.SkipWithError("not one request has expired for one that arrived");
  }
}

BENCHMARK(full_queue_expire_arrive)->Apply(queue_lengths);

}  // namespace
}  // namespace mesh::bench
