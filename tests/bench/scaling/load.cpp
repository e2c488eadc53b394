#include "load.hpp"

#include <algorithm>
#include <exception>
#include <memory>
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

/// What the coroutines of one run share.
struct Run {
  Run(Node& node, CallPlan plan_, const asio::any_io_executor& executor)
      : from(node), plan(plan_), all_done(executor, Clock::time_point::max()) {}

  Node& from;
  CallPlan plan;
  Clock::time_point end = Clock::now() + plan.duration;
  std::size_t running = plan.in_flight;
  std::vector<double> times{};
  std::exception_ptr error{};
  asio::steady_timer all_done;
};

asio::awaitable<void> call_until_end(std::shared_ptr<Run> run) {
  const std::string text = payload();
  auto now = Clock::now();
  while (now < run->end) {
    co_await run->from.invoke<"echo">(run->plan.target, text);
    const auto before = std::exchange(now, Clock::now());
    run->times.push_back(Microseconds(now - before).count());
  }
}

}  // namespace

asio::awaitable<nlohmann::json> run_calls(Node& from, CallPlan plan) {
  const auto executor = co_await asio::this_coro::executor;
  const auto begin = Clock::now();
  const auto run = std::make_shared<Run>(from, plan, executor);
  for (std::size_t i = 0; i < plan.in_flight; ++i) {
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
  co_return result;
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
