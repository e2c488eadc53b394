#include "fault_records.hpp"

namespace mesh::chaos {

namespace {

void redis_comes_back_empty(Stage& stage) {
  const Loss loss(stage, "empty");
  const Outage outage(stage);
  test::RedisServer& server = stage.world.master();
  server.kill();
  stage.wait(stage.draw(0, 1200));
  server.start();
}

void redis_restarts_with_data(Stage& stage) {
  const Outage outage(stage);
  test::RedisServer& server = stage.world.master();
  server.shut_down_with_data();
  stage.wait(stage.draw(0, 800));
  server.start();
}

void redis_stands_still(Stage& stage) {
  const Outage outage(stage);
  test::RedisServer& server = stage.world.master();
  server.pause();
  stage.wait(stage.draw(100, stage.world.has_sentinel() ? 1500 : 2500));
  server.resume();
}

void kill_clients(Stage& stage, const std::string& type) {
  const Nanoseconds from = now_ns();
  const std::size_t times = 1 + stage.draw(std::size_t{3});
  for (std::size_t i = 0; i < times; ++i) {
    stage.world.probe().command({"CLIENT", "KILL", "TYPE", type});
    stage.wait(stage.draw(0, 100));
  }
  note_disconnection(stage, from);
}

void kill_pubsub_clients(Stage& stage) { kill_clients(stage, "pubsub"); }
void kill_normal_clients(Stage& stage) { kill_clients(stage, "normal"); }

void flush_all(Stage& stage) {
  const Loss loss(stage, "flush");
  stage.world.probe().command({"FLUSHALL"});
}

void flush_scripts(Stage& stage) { stage.world.probe().command({"SCRIPT", "FLUSH"}); }

}  // namespace

std::vector<Fault> redis_faults() {
  return {
      {"redis_comes_back_empty", redis_comes_back_empty, true, true, true},
      {"redis_restarts_with_data", redis_restarts_with_data, true, false},
      {"redis_stands_still", redis_stands_still, true, true},
      {"kill_pubsub_clients", kill_pubsub_clients, true, true, true},
      {"kill_normal_clients", kill_normal_clients, true, true},
      {"flush_all", flush_all, true, true},
      {"flush_scripts", flush_scripts, true, true},
  };
}

}  // namespace mesh::chaos
