#include "fault_records.hpp"

#include <chrono>

#include <support/wait.hpp>

namespace mesh::chaos {

namespace {

void await_settled(Stage& stage) {
  test::wait_until([&] { return stage.world.is_settled(); }, std::chrono::seconds(60));
}

void master_is_replaced(Stage& stage) {
  await_settled(stage);
  test::RedisServer* const old = &stage.world.master();
  const Loss loss(stage, "failover");
  const Nanoseconds from = now_ns();
  if (stage.world.begin_failover()) {
    test::wait_until([&] { return &stage.world.master() != old; }, std::chrono::seconds(30));
    await_settled(stage);
  }
  note_disconnection(stage, from);
}

void master_is_killed(Stage& stage) {
  await_settled(stage);
  test::RedisServer* const old = &stage.world.master();
  const Loss loss(stage, "failover");
  const Outage outage(stage);
  old->kill();
  test::wait_until([&] { return &stage.world.master() != old; }, std::chrono::seconds(30));
  old->start();
  await_settled(stage);
}

/// Without Sentinel: the servers change their roles, and whoever connects from now on is led to the
/// new master. Connections stay where they are, until the nodes notice.
void proxy_leads_to_other_server(Stage& stage) {
  World& world = stage.world;
  world.add_replica();
  {
    const Loss loss(stage, "failover");
    const Outage outage(stage);
    world.swap_roles([&] {
      for (std::size_t i = 0; i < stage.fleet.size(); ++i) {
        stage.fleet.at(i).link->lead_to(world.replica().port());
      }
    });
  }
  std::string left;
  const auto all_have_moved = [&] {
    left = world.clients_of_replica();
    return left.empty();
  };
  if (!test::wait_until(all_have_moved, stage.timing.slack())) {
    stage.log.write("violation",
                    {{"what", "clients stay at a server that is the master no more: " + left}});
  }
  world.remove_replica();
}

}  // namespace

std::vector<Fault> failover_faults() {
  return {
      {"master_is_replaced", master_is_replaced, on_sentinel},
      {"master_is_killed", master_is_killed, on_sentinel},
      {"proxy_leads_to_other_server", proxy_leads_to_other_server, on_plain, true},
  };
}

}  // namespace mesh::chaos
