#include "faults.hpp"

#include <support/wait.hpp>

namespace mesh::chaos {

namespace {

void node_stands_still(Stage& stage) {
  Fleet::Process& process =
      stage.draw(std::size_t{2}) == 0 ? stage.fleet.at(stage.fleet.leader()) : stage.any_process();
  stage.fleet.pause(process);
  stage.wait(stage.timing.node_ttl() + stage.draw(300, 1500));
  stage.fleet.resume(process);
}

void node_stutters(Stage& stage) {
  Fleet::Process& process = stage.any_process();
  for (int i = 0; i < 4; ++i) {
    stage.fleet.pause(process);
    stage.wait(stage.draw(50, 400));
    stage.fleet.resume(process);
    stage.wait(stage.draw(10, 100));
  }
}

void node_is_killed(Stage& stage) {
  stage.fleet.kill(stage.draw(stage.fleet.size()));
  stage.wait(stage.draw(0, 300));
  stage.spawn_process();
}

void leader_is_killed(Stage& stage) {
  stage.fleet.kill(stage.fleet.leader());
  stage.spawn_process();
}

void node_leaves(Stage& stage) {
  stage.fleet.stop(stage.draw(stage.fleet.size()));
  stage.spawn_process();
}

void node_restarts_in_place(Stage& stage) {
  stage.fleet.restart_in_place(stage.any_process());
  stage.wait(stage.draw(0, 200));
}

bool is_registered(Stage& stage, test::RedisProbe& probe, InstanceId id) {
  return probe.zscore(stage.world.stem() + ":heartbeats", std::to_string(id)).has_value();
}

/// Kills a node, and the leader in the moment in which it has removed the dead one.
void leader_dies_while_it_cleans_up(Stage& stage) {
  const std::size_t leader = stage.fleet.leader();
  const std::string name = stage.fleet.at(leader).name;
  const std::size_t victim = (leader + 1 + stage.draw(stage.fleet.size() - 1)) % stage.fleet.size();
  const std::vector<InstanceId> dead = stage.fleet.kill(victim);
  if (!dead.empty()) {
    test::RedisProbe probe = stage.world.probe();
    test::wait_until([&] { return !is_registered(stage, probe, dead.front()); },
                     stage.timing.stretched(6000));
    // Half of the time at once, else at any time until it has reported.
    if (stage.draw(std::size_t{2}) == 0) stage.wait(stage.draw(0, 3));
    stage.fleet.kill(stage.fleet.index_of(name));
    stage.spawn_process();
  }
  stage.spawn_process();
  for (const InstanceId id : dead) stage.await_report(id);
}

}  // namespace

std::vector<Fault> node_faults() {
  return {
      {"node_stands_still", node_stands_still, anywhere},
      {"node_stutters", node_stutters, on_plain | on_cluster},
      {"node_is_killed", node_is_killed, anywhere},
      {"leader_is_killed", leader_is_killed, anywhere},
      {"node_leaves", node_leaves, anywhere},
      {"node_restarts_in_place", node_restarts_in_place, anywhere},
      {"leader_dies_while_it_cleans_up", leader_dies_while_it_cleans_up, on_plain | on_cluster},
  };
}

}  // namespace mesh::chaos
