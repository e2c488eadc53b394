#include "fault_records.hpp"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <support/wait.hpp>

namespace mesh::chaos {

using std::chrono::milliseconds;

namespace {

/// The name of a process that can spare threads, a new one if there is none: any but one if it has
/// several, all if there is one more for the protocol.
std::string process_with_spare_threads(Stage& stage, bool protocol_thread) {
  const std::size_t first = stage.draw(stage.fleet.size());
  for (std::size_t i = 0; i < stage.fleet.size(); ++i) {
    const Fleet::Process& process = stage.fleet.at((first + i) % stage.fleet.size());
    if (protocol_thread ? process.protocol_thread : process.threads > 1) return process.name;
  }
  stage.fleet.spawn(1, 2 + stage.draw(std::size_t{2}), protocol_thread);
  return stage.fleet.at(stage.fleet.size() - 1).name;
}

/// Handlers block so many threads of the process for longer than a node lives without heartbeats.
void block_threads(Stage& stage, const std::string& process, std::size_t threads) {
  const milliseconds duration = stage.timing.node_ttl() + stage.draw(200, 1500);
  std::vector<std::string> calls;
  for (std::size_t i = 0; i < threads; ++i) {
    const std::string call = stage.order_from_another(process, {"block", 0, "", duration.count()});
    if (!call.empty()) calls.push_back(call);
  }
  const auto over = [&] {
    stage.fleet.observer().read();
    return std::all_of(calls.begin(), calls.end(), [&](const std::string& call) {
      return stage.fleet.observer().has_ended(call);
    });
  };
  test::wait_until(over, duration + stage.timing.slack());
}

/// One thread is left to the node.
void handlers_block(Stage& stage) {
  const std::string process = process_with_spare_threads(stage, false);
  block_threads(stage, process, stage.fleet.at(stage.fleet.index_of(process)).threads - 1);
}

/// Only the thread of the protocol is left.
void handlers_block_all_threads(Stage& stage) {
  const std::string process = process_with_spare_threads(stage, true);
  block_threads(stage, process, stage.fleet.at(stage.fleet.index_of(process)).threads);
}

/// A program that a handler has started outlives its node, which says no goodbye to Redis: it must
/// not hold the node's connections.
void program_outlives_node(Stage& stage) {
  const std::string process = stage.any_process().name;
  const std::int64_t life = stage.timing.stretched(60'000).count();
  const std::string call = stage.order_from_another(process, {"start_program", 0, "", life});
  const auto has_started = [&] {
    stage.fleet.observer().read();
    return stage.fleet.observer().program_of(call) != 0;
  };
  if (!test::wait_until(has_started, stage.timing.slack())) return;
  const pid_t program = stage.fleet.observer().program_of(call);

  test::RedisProbe probe = stage.world.probe();
  const InstanceId id = stage.await_id(process);
  const std::string channel = stage.world.node_channel(id);
  // Its way to Redis would end with it otherwise.
  const auto link = std::move(stage.fleet.at(stage.fleet.index_of(process)).link);
  stage.fleet.kill(stage.fleet.index_of(process));
  const bool ended =
      test::wait_until([&] { return stage.world.subscribers(channel) == 0; }, stage.timing.slack());
  const bool outlived = ::kill(program, SIGKILL) == 0;
  if (!ended || !outlived) {
    stage.log.write("violation", {{"what", "node " + std::to_string(id) + " was killed, and " +
                                               (outlived ? "a program that it had started holds "
                                                           "its connections"
                                                         : "with it what it had started")}});
  }
  stage.spawn_process();
}

}  // namespace

std::vector<Fault> handler_faults() {
  return {
      {"handlers_block", handlers_block, anywhere},
      {"handlers_block_all_threads", handlers_block_all_threads,
       can_have_protocol_thread ? anywhere : RedisKinds::none},
      {"program_outlives_node", program_outlives_node, anywhere},
  };
}

}  // namespace mesh::chaos
