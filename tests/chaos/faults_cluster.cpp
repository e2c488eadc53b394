#include "fault_records.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace mesh::chaos {

namespace {

/// Of all keys, or of the channel of a node that lives.
std::uint16_t any_slot(Stage& stage) {
  if (stage.draw(std::size_t{2}) == 0) return stage.world.registry_slot();
  return stage.world.slot_of(World::node_channel(stage.await_id(stage.any_process().name)));
}

/// With its keys half-way for a while.
void migrate(Stage& stage, std::uint16_t slot) {
  test::RedisCluster& cluster = stage.world.cluster();
  test::RedisServer& from = cluster.primary_of(slot);
  test::RedisServer& to = cluster.another_primary(slot);
  cluster.begin_migration(slot, from, to);
  stage.wait(stage.draw(0, 200));
  cluster.move_keys(slot, from, to);
  stage.wait(stage.draw(0, 200));
  cluster.end_migration(slot, to);
  stage.log.write("migrated", {{"slot", slot}});
}

void slots_move(Stage& stage) {
  const Nanoseconds from = now_ns();
  for (std::size_t left = 2 + stage.draw(std::size_t{4}); left > 0; --left) {
    const std::uint16_t slot = any_slot(stage);
    migrate(stage, slot);
    stage.wait(stage.draw(0, 300));
    if (stage.draw(std::size_t{2}) == 0) migrate(stage, slot);
  }
  note_disconnection(stage, from);  // all follow the slots with new connections
}

void primary_is_replaced(Stage& stage) {
  const std::uint16_t slot = any_slot(stage);
  const Loss loss(stage, "failover");
  const Nanoseconds from = now_ns();
  stage.world.cluster().fail_over(slot);
  stage.world.cluster().await_well();
  note_disconnection(stage, from);
  stage.log.write("failover", {{"slot", slot}});
}

void primary_is_killed(Stage& stage) {
  const std::uint16_t slot = any_slot(stage);
  const Loss loss(stage, "failover");
  const Outage outage(stage);
  test::RedisCluster& cluster = stage.world.cluster();
  test::RedisServer& former = cluster.primary_of(slot);
  former.kill();
  cluster.await_failover(slot, former);
  former.start();
  cluster.await_well();
  stage.log.write("failover", {{"slot", slot}});
}

/// Shorter than the others wait, or so long that it is replaced.
void primary_stands_still(Stage& stage) {
  const std::uint16_t slot = any_slot(stage);
  const Loss loss(stage, "failover");
  const Outage outage(stage);
  test::RedisCluster& cluster = stage.world.cluster();
  test::RedisServer& former = cluster.primary_of(slot);
  cluster.pause(former);
  const bool is_replaced = stage.draw(std::size_t{2}) == 0;
  if (is_replaced) {
    cluster.await_failover(slot, former);
  } else {
    stage.wait(stage.draw(100, 1000));
  }
  cluster.resume(former);
  cluster.await_well();
  if (is_replaced) stage.log.write("failover", {{"slot", slot}});
}

}  // namespace

std::vector<Fault> cluster_faults() {
  return {
      {"slots_move", slots_move, on_cluster},
      {"primary_is_replaced", primary_is_replaced, on_cluster},
      {"primary_is_killed", primary_is_killed, on_cluster, true},
      {"primary_stands_still", primary_stands_still, on_cluster, true},
  };
}

}  // namespace mesh::chaos
