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

}  // namespace

std::vector<Fault> sentinel_faults() {
  return {
      {"master_is_replaced", master_is_replaced, false, true},
      {"master_is_killed", master_is_killed, false, true},
  };
}

}  // namespace mesh::chaos
