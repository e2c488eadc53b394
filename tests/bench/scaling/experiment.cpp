#include "experiment.hpp"

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <support/coroutine.hpp>

#include "call_round.hpp"
#include "fleet.hpp"
#include "redis_usage.hpp"
#include "servers.hpp"

namespace mesh::bench {

namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;
using std::chrono::milliseconds;
using test::sleep_for;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double number(const json& answer, const char* name) { return answer.at(name).get<double>(); }

class Experiment {
 public:
  Experiment(const asio::any_io_executor& executor, ExperimentOptions options, std::size_t nodes,
             Figures& figures)
      : options_(std::move(options)),
        nodes_(nodes),
        figures_(figures),
        servers_(options_.primaries),
        node_options_(servers_.node_options(options_.is_quick)),
        mesh_options_(node_options_.mesh_options()),
        fleet_(executor, options_.node_program, node_options_, nodes, options_.most_per_process) {}

  asio::awaitable<void> run() {
    co_await measure_empty_redis();
    co_await measure_start();
    co_await measure_idle_load();
    co_await measure_sent_commands();
    co_await measure_calls();
    co_await measure_listing();
    co_await measure_pending_calls();
    co_await measure_cleanup();
  }

 private:
  void set(const std::string& name, double value) { figures_.set(name, nodes_, value); }

  void announce(const char* what) const { std::cerr << nodes_ << " nodes: " << what << std::endl; }

  const char* publish_word() const { return options_.primaries == 0 ? "publish" : "spublish"; }

  milliseconds interval() const { return mesh_options_.heartbeat_interval; }

  asio::awaitable<void> measure_empty_redis() {
    const RedisUsage before = servers_.usage();
    empty_holdings_ = servers_.holdings();
    co_await sleep_for(interval());
    empty_cpu_ = servers_.usage().since(before).cpu_microseconds;
  }

  asio::awaitable<void> measure_start() {
    announce("starting");
    const std::vector<Member*> idle = fleet_.idle();
    const json before = co_await sum_of_usage(idle);
    const double seconds = co_await fleet_.start();
    set("start.seconds", seconds);
    set("start.ms_per_node", 1000 * seconds / static_cast<double>(nodes_ - 1));
    co_await sleep_for(interval() + std::chrono::seconds(1));  // until all go in step

    const RedisHoldings held = servers_.holdings();
    const auto all = static_cast<double>(nodes_);
    set("redis.connections_per_node",
        static_cast<double>(held.connections - empty_holdings_.connections) / all);
    set("redis.memory_bytes_per_node",
        static_cast<double>(held.memory_bytes - empty_holdings_.memory_bytes) / all);

    if (idle.empty()) co_return;
    const json after = co_await sum_of_usage(idle);
    const auto count = static_cast<double>(nodes_ - 2);
    set("memory.resident_bytes_per_idle_node",
        (number(after, "resident") - number(before, "resident")) / count);
    set("memory.heap_bytes_per_idle_node",
        (number(after, "heap") - number(before, "heap")) / count);
  }

  static asio::awaitable<json> sum_of_usage(std::vector<Member*> members) {
    std::int64_t resident = 0;
    std::int64_t heap = 0;
    for (Member* const member : members) {
      const json usage = co_await member->ask_for("usage");
      resident += usage.at("resident").get<std::int64_t>();
      heap += usage.at("heap").get<std::int64_t>();
    }
    json sum;
    sum["resident"] = resident;
    sum["heap"] = heap;
    co_return sum;
  }

  asio::awaitable<void> measure_idle_load() {
    announce("idle");
    const auto intervals = static_cast<double>(options_.idle_intervals);
    const RedisUsage before = servers_.usage();
    co_await sleep_for(interval() * static_cast<int>(options_.idle_intervals));
    const RedisUsage use = servers_.usage().since(before);
    idle_cpu_per_second_ =
        use.cpu_microseconds / intervals / std::chrono::duration<double>(interval()).count();

    const double share = intervals * static_cast<double>(nodes_);
    set("idle.redis_cpu_us_per_node_and_interval",
        (use.cpu_microseconds - empty_cpu_ * intervals) / share);
    for (const auto& [name, command] : use.commands) {
      set("idle.ran_per_node_and_interval." + name, static_cast<double>(command.calls) / share);
    }
  }

  asio::awaitable<void> measure_sent_commands() {
    constexpr int intervals = 2;
    CommandLog log(servers_.registry());
    co_await sleep_for(interval() * intervals);
    const double share = intervals * static_cast<double>(nodes_);
    double of_nodes = 0;
    for (const auto& [name, use] : log.sent()) {
      const auto calls = static_cast<double>(use.calls);
      const bool is_of_leader = name == "remove_dead_nodes" || name == "renew_leadership";
      if (is_of_leader) {
        set("idle.sent_by_leader_per_interval." + name, calls / intervals);
      } else {
        set("idle.sent_per_node_and_interval." + name, calls / share);
        of_nodes += calls;
      }
      set("idle.redis_us_of_one." + name, static_cast<double>(use.microseconds) / calls);
    }
    set("idle.sent_per_node_and_interval", of_nodes / share);
  }

  asio::awaitable<void> measure_calls() {
    announce("calling");
    co_await call_leader(fleet_, 1, milliseconds(100));  // whatever comes once only
    std::vector<double> rates;
    std::vector<double> redis_cpu;
    std::vector<double> redis_cpu_of_calls;
    std::vector<double> caller_cpu;
    std::vector<double> handler_cpu;
    std::vector<double> publishes;
    std::vector<double> p50;
    for (std::size_t i = 0; i < options_.rounds; ++i) {
      const milliseconds time(options_.is_quick ? 500 : 1000);
      const CallRound round = co_await measure_call_round(servers_, fleet_, 64, time);
      const double idle_cpu = idle_cpu_per_second_ * round.seconds;
      rates.push_back(round.calls / round.seconds);
      redis_cpu.push_back(round.redis.cpu_microseconds / round.calls);
      redis_cpu_of_calls.push_back((round.redis.cpu_microseconds - idle_cpu) / round.calls);
      publishes.push_back(static_cast<double>(round.redis.calls_of(publish_word())) / round.calls);
      caller_cpu.push_back(round.caller_cpu_us / round.calls);
      handler_cpu.push_back(round.handler_cpu_us / round.calls);
      const json sequential = co_await call_leader(fleet_, 1, milliseconds(500));
      p50.push_back(number(sequential, "p50_us"));
    }
    set("call.per_second", median(rates));
    set("call.per_second_best", *std::max_element(rates.begin(), rates.end()));
    set("call.redis_cpu_us", median(redis_cpu));
    set("call.redis_cpu_us_without_idle_load", median(redis_cpu_of_calls));
    set("call.caller_cpu_us", median(caller_cpu));
    set("call.handler_cpu_us", median(handler_cpu));
    set("call.publishes", median(publishes));
    set("call.sequential_p50_us", median(p50));
  }

  asio::awaitable<void> measure_listing() {
    const json result = co_await list(options_.is_quick ? 50 : 200);
    if (result.at("nodes").get<std::size_t>() != nodes_) {
      throw std::runtime_error("get_nodes() lists " + result.at("nodes").dump() + " nodes");
    }
    set("get_nodes.p50_us", number(result, "p50_us"));

    CommandLog log(servers_.registry());
    constexpr std::size_t times = 20;
    co_await list(times);
    const CommandUse use = log.sent()["list_nodes"];
    set("get_nodes.redis_us", static_cast<double>(use.microseconds) / static_cast<double>(times));
  }

  asio::awaitable<json> list(std::size_t count) {
    json request;
    request["op"] = "list";
    request["count"] = count;
    co_return co_await fleet_.caller().ask(std::move(request));
  }

  asio::awaitable<void> measure_pending_calls() {
    announce("pending calls");
    const auto count = static_cast<double>(options_.pending_calls);
    const json caller_before = co_await fleet_.caller().ask_for("usage");
    const json handler_before = co_await fleet_.leader().ask_for("usage");
    json request;
    request["op"] = "begin_waiting";
    request["target"] = fleet_.leader().first_id();
    request["count"] = options_.pending_calls;
    co_await fleet_.caller().ask(std::move(request));
    co_await wait_for(fleet_.leader(), "here", options_.pending_calls);
    co_await sleep_for(milliseconds(500));

    const json caller_after = co_await fleet_.caller().ask_for("usage");
    const json handler_after = co_await fleet_.leader().ask_for("usage");
    for (const char* const kind : {"heap", "resident"}) {
      set(std::string("memory.") + kind + "_bytes_per_pending_call",
          (number(caller_after, kind) - number(caller_before, kind)) / count);
      set(std::string("memory.") + kind + "_bytes_per_running_handler",
          (number(handler_after, kind) - number(handler_before, kind)) / count);
    }
    co_await fleet_.leader().ask_for("release");
    co_await wait_for(fleet_.caller(), "called", 0);
  }

  static asio::awaitable<void> wait_for(Member& member, std::string what, std::size_t count) {
    auto is_reached = [&]() -> asio::awaitable<bool> {
      const json answer = co_await member.ask_for("waiting");
      co_return answer.at(what).get<std::size_t>() == count;
    };
    if (!co_await test::eventually(is_reached)) throw std::runtime_error("calls got lost");
  }

  asio::awaitable<void> measure_cleanup() {
    Member* const doomed = fleet_.doomed();
    if (doomed == nullptr) co_return;
    announce("cleanup");
    CommandLog log(servers_.registry());
    const auto begin = Clock::now();
    doomed->kill();
    json request;
    request["op"] = "await_removed";
    request["count"] = doomed->size();
    const json result = co_await fleet_.leader().ask(std::move(request));
    set("cleanup.dead_nodes", static_cast<double>(doomed->size()));
    set("cleanup.seconds_from_death_to_last_report", seconds_since(begin));
    set("cleanup.seconds_from_first_to_last_report", number(result, "seconds"));
    CommandUses uses = log.sent();
    for (const char* const script : {"remove_dead_nodes", "finish_report"}) {
      set(std::string("cleanup.sent.") + script, static_cast<double>(uses[script].calls));
      set(std::string("cleanup.redis_us.") + script,
          static_cast<double>(uses[script].microseconds));
    }
  }

  ExperimentOptions options_;
  std::size_t nodes_;
  Figures& figures_;
  Servers servers_;
  NodeOptions node_options_;
  MeshOptions mesh_options_;
  Fleet fleet_;
  double idle_cpu_per_second_ = 0;  // of Redis, in microseconds
  RedisHoldings empty_holdings_;
  double empty_cpu_ = 0;  // of Redis without any nodes, in one heartbeat interval
};

}  // namespace

asio::awaitable<void> measure(ExperimentOptions options, std::size_t nodes, Figures& figures) {
  const auto executor = co_await asio::this_coro::executor;
  const auto experiment =
      std::make_unique<Experiment>(executor, std::move(options), nodes, figures);
  co_await experiment->run();
}

}  // namespace mesh::bench
