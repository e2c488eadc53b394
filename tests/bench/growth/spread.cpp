#include "spread.hpp"

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <scaling/fleet.hpp>
#include <scaling/redis_usage.hpp>
#include <scaling/servers.hpp>
#include <support/coroutine.hpp>

namespace mesh::bench {

namespace {

using nlohmann::json;
using test::sleep_for;

/// Of each primary.
using Usages = std::vector<RedisUsage>;

double number(const json& answer, const char* name) { return answer.at(name).get<double>(); }

double sum(const std::vector<double>& values) {
  double result = 0;
  for (const double value : values) result += value;
  return result;
}

/// What the largest has, as a multiple of what each would have if all had the same.
double largest_of_even_share(const std::vector<double>& values) {
  return *std::ranges::max_element(values) * static_cast<double>(values.size()) / sum(values);
}

/// Per call, by rounds.
struct CallCosts {
  std::vector<double> calls{};  // per second
  std::vector<double> messages{};
  std::vector<double> busiest_messages{};
  std::vector<double> redis_cpu{};
  std::vector<double> busiest_redis_cpu{};
  std::vector<double> node_cpu{};
  std::vector<double> input_bytes{};
  std::vector<double> output_bytes{};
};

class Spread {
 public:
  Spread(const asio::any_io_executor& executor, SpreadOptions options, Figures& figures)
      : options_(std::move(options)), figures_(figures), servers_(options_.primaries) {
    const NodeOptions node_options = servers_.node_options(options_.has_short_times);
    interval_ = node_options.mesh_options().heartbeat_interval;
    constexpr std::size_t processes = 2;
    for (std::size_t i = 0; i < processes; ++i) {
      const std::size_t nodes = (options_.nodes + i) / processes;
      members_.push_back(
          std::make_unique<Member>(executor, options_.node_program, node_options, nodes));
    }
  }

  asio::awaitable<void> run() {
    std::cerr << options_.primaries << " primaries, " << options_.nodes << " nodes" << std::endl;
    const RedisHoldings empty = servers_.holdings();
    empty_ = co_await use_in(interval_);
    for (const auto& member : members_) {
      co_await member->start();
      targets_.insert(targets_.end(), member->ids().begin(), member->ids().end());
    }
    const std::size_t in_flight = in_flight_per_node * options_.nodes / members_.size();
    co_await measure_first_calls(in_flight);
    set_connections(empty);
    set("node_channels.busiest", largest_of_even_share(count_channels()));
    co_await measure_idle();
    co_await measure("alone.", 1);
    co_await measure("busy.", in_flight);
  }

 private:
  static constexpr std::size_t in_flight_per_node = 4;

  void set(const std::string& name, double value) {
    figures_.set("spread." + std::to_string(options_.primaries) + "_primaries." + name,
                 options_.nodes, value);
  }

  void set_connections(const RedisHoldings& empty) {
    const RedisHoldings held = servers_.holdings();
    const auto nodes = static_cast<double>(options_.nodes);
    set("connections_per_node", static_cast<double>(held.connections - empty.connections) / nodes);
    set("redis_bytes_per_node",
        static_cast<double>(held.memory_bytes - empty.memory_bytes) / nodes);
  }

  /// The nodes' own, by primary.
  std::vector<double> count_channels() {
    std::vector<double> counts;
    for (test::RedisProbe& probe : servers_.probes()) {
      const auto channels = probe.array({"PUBSUB", "SHARDCHANNELS", "test:mesh:*:node:*"});
      counts.push_back(static_cast<double>(channels.size()));
    }
    return counts;
  }

  Usages usages() {
    Usages all;
    for (test::RedisProbe& probe : servers_.probes()) all.push_back(redis_usage(probe));
    return all;
  }

  Usages since(const Usages& before) {
    Usages all = usages();
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = all[i].since(before[i]);
    return all;
  }

  asio::awaitable<Usages> use_in(std::chrono::milliseconds time) {
    const Usages before = usages();
    co_await sleep_for(time);
    co_return since(before);
  }

  /// What is not for calls: heartbeats, cleanup, and what the servers say to each other.
  asio::awaitable<void> measure_idle() {
    idle_time_ = interval_;
    idle_ = co_await use_in(idle_time_);
    const std::size_t registry = servers_.registry_place();
    double of_registry = 0;
    double of_others = 0;
    for (std::size_t i = 0; i < idle_.size(); ++i) {
      const double cpu = idle_[i].cpu_microseconds - empty_[i].cpu_microseconds;
      (i == registry ? of_registry : of_others) += cpu / static_cast<double>(options_.nodes);
    }
    set("idle.registry_cpu_us_per_node_and_interval", of_registry);
    set("idle.others_cpu_us_per_node_and_interval", of_others);
  }

  /// What comes once only: connections, and questions to the registry.
  asio::awaitable<void> measure_first_calls(std::size_t in_flight) {
    const std::size_t registry = servers_.registry_place();
    const Usages before = usages();
    const double calls = co_await call(in_flight, true);
    const RedisUsage used = since(before)[registry];
    const RedisUsage& empty = empty_[registry];
    set("first_calls.registry_gets_per_call",
        static_cast<double>(used.calls_of("get") - empty.calls_of("get")) / calls);
  }

  asio::awaitable<void> measure(std::string load, std::size_t in_flight) {
    CallCosts costs;
    worst_us_ = 0;
    for (std::size_t i = 0; i < options_.rounds; ++i) {
      co_await measure_round(in_flight, costs);
    }
    set(load + "calls_per_s", median(costs.calls));
    set(load + "worst_ms", worst_us_ / 1000);
    set(load + "spublish_per_call", median(costs.messages));
    set(load + "spublish_busiest", median(costs.busiest_messages));
    set(load + "redis_cpu_us_per_call", median(costs.redis_cpu));
    set(load + "redis_cpu_us_per_spublish", median(costs.redis_cpu) / median(costs.messages));
    set(load + "redis_cpu_busiest", median(costs.busiest_redis_cpu));
    set(load + "nodes_cpu_us_per_call", median(costs.node_cpu));
    set(load + "redis_input_bytes_per_call", median(costs.input_bytes));
    set(load + "redis_output_bytes_per_call", median(costs.output_bytes));
  }

  asio::awaitable<void> measure_round(std::size_t in_flight, CallCosts& costs) {
    const double node_cpu_before = co_await cpu_of_nodes();
    const Usages before = usages();
    const auto begin = std::chrono::steady_clock::now();
    const double calls = co_await call(in_flight, false);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    const Usages used = since(before);
    const double node_cpu_after = co_await cpu_of_nodes();

    const double idle_part = time / std::chrono::duration<double>(idle_time_);
    std::vector<double> messages;
    std::vector<double> cpu;
    double input = 0;
    double output = 0;
    for (std::size_t i = 0; i < used.size(); ++i) {
      const RedisUsage& idle = idle_[i];
      const auto less_idle = [&](auto with, auto without) {
        return static_cast<double>(with) - idle_part * static_cast<double>(without);
      };
      messages.push_back(less_idle(used[i].calls_of("spublish"), idle.calls_of("spublish")));
      cpu.push_back(less_idle(used[i].cpu_microseconds, idle.cpu_microseconds));
      input += less_idle(used[i].input_bytes, idle.input_bytes);
      output += less_idle(used[i].output_bytes, idle.output_bytes);
    }
    costs.calls.push_back(calls / time.count());
    costs.messages.push_back(sum(messages) / calls);
    costs.busiest_messages.push_back(largest_of_even_share(messages));
    costs.redis_cpu.push_back(sum(cpu) / calls);
    costs.busiest_redis_cpu.push_back(largest_of_even_share(cpu));
    costs.node_cpu.push_back((node_cpu_after - node_cpu_before) / calls);
    costs.input_bytes.push_back(input / calls);
    costs.output_bytes.push_back(output / calls);
  }

  asio::awaitable<double> cpu_of_nodes() {
    double cpu = 0;
    for (const auto& member : members_) {
      const json usage = co_await member->ask_for("usage");
      cpu += number(usage, "cpu_us");
    }
    co_return cpu;
  }

  /// Returns how many there were; with one in flight only one process calls.
  asio::awaitable<double> call(std::size_t in_flight, bool is_tour) {
    json request;
    request["op"] = "call_each_other";
    request["targets"] = targets_;
    request["in_flight"] = in_flight;
    request["milliseconds"] = options_.round_time.count();
    request["tour"] = is_tour;
    double calls = 0;
    const MemberAction action = [&](Member& member) -> asio::awaitable<void> {
      json copy = request;
      const json result = co_await member.ask(std::move(copy));
      calls += number(result, "calls");
      worst_us_ = std::max(worst_us_, number(result, "worst_us"));
    };
    std::vector<Member*> callers;
    for (const auto& member : members_) callers.push_back(member.get());
    if (in_flight == 1) callers.resize(1);
    co_await with_each(std::move(callers), action);
    co_return calls;
  }

  SpreadOptions options_;
  Figures& figures_;
  Servers servers_;
  std::chrono::milliseconds interval_{0};
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<InstanceId> targets_;
  double worst_us_ = 0;  // that a call took
  Usages empty_;         // in an interval, before there are nodes
  Usages idle_;
  std::chrono::milliseconds idle_time_{0};
};

}  // namespace

asio::awaitable<void> measure_spread(SpreadOptions options, Figures& figures) {
  const auto executor = co_await asio::this_coro::executor;
  const auto spread = std::make_unique<Spread>(executor, std::move(options), figures);
  co_await spread->run();
}

}  // namespace mesh::bench
