#include "load.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace mesh::bench {

namespace {

using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

double percentile(std::vector<double>& times, double share) {
  if (times.empty()) return 0;
  const auto rank = static_cast<std::ptrdiff_t>(static_cast<double>(times.size() - 1) * share);
  std::nth_element(times.begin(), times.begin() + rank, times.end());
  return times[static_cast<std::size_t>(rank)];
}

/// Who calls, and whom.
struct Pair {
  Node* from = nullptr;  ///< Null: that was all.
  InstanceId target = 0;
};
using Choice = std::function<Pair()>;
using Nodes = std::vector<std::unique_ptr<Node>>;

/// What the coroutines of one run share.
struct Run {
  Run(Choice choice, std::size_t in_flight, std::chrono::milliseconds duration,
      const asio::any_io_executor& executor)
      : next(std::move(choice)),
        end(Clock::now() + duration),
        running(in_flight),
        all_done(executor, Clock::time_point::max()) {}

  Choice next;
  Clock::time_point end;
  std::size_t running;
  std::vector<double> times{};
  std::exception_ptr error{};
  asio::steady_timer all_done;
};

asio::awaitable<void> call_until_end(std::shared_ptr<Run> run) {
  const std::string text = payload();
  auto now = Clock::now();
  while (now < run->end) {
    const Pair pair = run->next();
    if (pair.from == nullptr) co_return;
    co_await pair.from->invoke<"echo">(pair.target, text);
    const auto before = std::exchange(now, Clock::now());
    run->times.push_back(Microseconds(now - before).count());
  }
}

Choice random_pairs(const Nodes& nodes, std::vector<InstanceId> targets) {
  return [&nodes, targets = std::move(targets), calls = std::size_t{0},
          random = std::minstd_rand(std::random_device{}())]() mutable {
    Node* const from = nodes[calls++ % nodes.size()].get();
    std::uniform_int_distribution<std::size_t> places(0, targets.size() - 1);
    InstanceId target = 0;
    do {
      target = targets[places(random)];
    } while (target == from->instance_id());
    return Pair{from, target};
  };
}

/// Each calls each once.
Choice tour(const Nodes& nodes, std::vector<InstanceId> targets) {
  return [&nodes, targets = std::move(targets), calls = std::size_t{0}]() mutable {
    for (;;) {
      const std::size_t turn = calls / nodes.size();
      if (turn == targets.size()) return Pair{};
      const std::size_t caller = calls++ % nodes.size();
      Node* const from = nodes[caller].get();
      const InstanceId target = targets[(turn + caller) % targets.size()];
      if (target != from->instance_id()) return Pair{from, target};
    }
  };
}

asio::awaitable<nlohmann::json> run_to_end(Choice choice, std::size_t in_flight,
                                           std::chrono::milliseconds duration) {
  const auto executor = co_await asio::this_coro::executor;
  const auto begin = Clock::now();
  const auto run = std::make_shared<Run>(std::move(choice), in_flight, duration, executor);
  for (std::size_t i = 0; i < in_flight; ++i) {
    asio::co_spawn(executor, call_until_end(run), [run](const std::exception_ptr& error) {
      if (error) run->error = error;
      if (--run->running == 0) run->all_done.cancel();
    });
  }
  boost::system::error_code ignored;
  co_await run->all_done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (run->error) std::rethrow_exception(run->error);
  nlohmann::json result;
  result["calls"] = run->times.size();
  result["seconds"] = std::chrono::duration<double>(Clock::now() - begin).count();
  result["p50_us"] = percentile(run->times, 0.5);
  result["p99_us"] = percentile(run->times, 0.99);
  result["worst_us"] = percentile(run->times, 1);
  co_return result;
}

}  // namespace

asio::awaitable<nlohmann::json> run_calls(Node& from, CallPlan plan) {
  const Pair pair{&from, plan.target};
  return run_to_end([pair] { return pair; }, plan.in_flight, plan.duration);
}

asio::awaitable<nlohmann::json> run_calls_of_all(const std::vector<std::unique_ptr<Node>>& nodes,
                                                 CrowdPlan plan) {
  constexpr std::chrono::hours until_done{1};
  const auto duration = plan.is_tour ? until_done : plan.duration;
  Choice next = plan.is_tour ? tour(nodes, std::move(plan.targets))
                             : random_pairs(nodes, std::move(plan.targets));
  return run_to_end(std::move(next), plan.in_flight, duration);
}

asio::awaitable<nlohmann::json> run_listings(Node& from, std::size_t count) {
  std::vector<double> times;
  std::size_t nodes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto begin = Clock::now();
    const auto list = co_await from.get_nodes();
    times.push_back(Microseconds(Clock::now() - begin).count());
    nodes = list.size();
  }
  nlohmann::json result;
  result["nodes"] = nodes;
  result["p50_us"] = percentile(times, 0.5);
  co_return result;
}

}  // namespace mesh::bench
