#include "cost.hpp"

#include <array>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <scaling/call_round.hpp>
#include <scaling/fleet.hpp>
#include <scaling/servers.hpp>
#include <support/coroutine.hpp>

namespace mesh::bench {

namespace {

using std::chrono::milliseconds;

/// Of one call, by rounds.
struct Costs {
  std::vector<double> caller{};
  std::vector<double> handler{};
  std::vector<double> redis{};
  std::vector<double> all{};
};

/// A mesh on a cluster of its own.
class MeasuredMesh {
 public:
  MeasuredMesh(const asio::any_io_executor& executor, const CostOptions& options, std::size_t nodes)
      : servers_(options.primaries),
        node_options_(servers_.node_options(options.has_short_times)),
        fleet_(executor, options.node_program, node_options_, nodes, most_per_process) {}

  asio::awaitable<void> start() {
    co_await fleet_.start();
    co_await call_leader(fleet_, 1, milliseconds(100));  // whatever comes once only
  }

  milliseconds interval() const { return node_options_.mesh_options().heartbeat_interval; }

  void begin_idle() { idle_before_ = servers_.usage(); }
  void end_idle(milliseconds time) {
    const RedisUsage used = servers_.usage().since(idle_before_);
    idle_cpu_per_second_ = used.cpu_microseconds / std::chrono::duration<double>(time).count();
  }

  asio::awaitable<void> measure_round(milliseconds time) {
    constexpr std::size_t in_flight = 64;
    const CallRound round = co_await measure_call_round(servers_, fleet_, in_flight, time);
    const double redis = round.redis.cpu_microseconds - idle_cpu_per_second_ * round.seconds;
    costs_.caller.push_back(round.caller_cpu_us / round.calls);
    costs_.handler.push_back(round.handler_cpu_us / round.calls);
    costs_.redis.push_back(redis / round.calls);
    costs_.all.push_back((round.caller_cpu_us + round.handler_cpu_us + redis) / round.calls);
  }

  const Costs& costs() const { return costs_; }

 private:
  static constexpr std::size_t most_per_process = 250;

  Servers servers_;
  NodeOptions node_options_;
  Fleet fleet_;
  RedisUsage idle_before_;
  double idle_cpu_per_second_ = 0;
  Costs costs_;
};

/// Of neighbours in time.
double median_ratio(const std::vector<double>& many, const std::vector<double>& few) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < many.size(); ++i) ratios.push_back(many[i] / few[i]);
  return median(std::move(ratios));
}

class Comparison {
 public:
  Comparison(const asio::any_io_executor& executor, CostOptions options, Figures& figures)
      : options_(std::move(options)),
        figures_(figures),
        few_(executor, options_, options_.few),
        many_(executor, options_, options_.many) {}

  asio::awaitable<void> run() {
    std::cerr << "calls among " << options_.few << " and " << options_.many << " nodes"
              << std::endl;
    co_await few_.start();
    co_await many_.start();
    co_await test::sleep_for(milliseconds(1000));
    co_await measure_idle();
    for (std::size_t i = 0; i < options_.rounds; ++i) {
      // By turns the first.
      MeasuredMesh& first = i % 2 == 0 ? few_ : many_;
      MeasuredMesh& second = i % 2 == 0 ? many_ : few_;
      co_await first.measure_round(options_.round_time);
      co_await second.measure_round(options_.round_time);
    }
    set("caller_cpu_us", &Costs::caller);
    set("handler_cpu_us", &Costs::handler);
    set("redis_cpu_us", &Costs::redis);
    set("cpu_us", &Costs::all);
  }

 private:
  asio::awaitable<void> measure_idle() {
    few_.begin_idle();
    many_.begin_idle();
    const milliseconds time = few_.interval();
    co_await test::sleep_for(time);
    few_.end_idle(time);
    many_.end_idle(time);
  }

  void set(const std::string& name, std::vector<double> Costs::*cost) {
    const auto& few = few_.costs().*cost;
    const auto& many = many_.costs().*cost;
    figures_.set("cost." + name, options_.few, median(few));
    figures_.set("cost." + name, options_.many, median(many));
    figures_.set("cost.ratio." + name, options_.many, median_ratio(many, few));
  }

  CostOptions options_;
  Figures& figures_;
  MeasuredMesh few_;
  MeasuredMesh many_;
};

}  // namespace

asio::awaitable<void> measure_cost(CostOptions options, Figures& figures) {
  const auto executor = co_await asio::this_coro::executor;
  const auto comparison = std::make_unique<Comparison>(executor, std::move(options), figures);
  co_await comparison->run();
}

}  // namespace mesh::bench
