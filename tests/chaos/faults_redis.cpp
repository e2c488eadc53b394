#include "fault_records.hpp"

#include <chrono>
#include <stdexcept>

#include <support/child_process.hpp>
#include <support/wait.hpp>

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
    stage.world.each_primary({"CLIENT", "KILL", "TYPE", type});
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

void flush_scripts(Stage& stage) { stage.world.each_primary({"SCRIPT", "FLUSH"}); }

/// A client that has subscribed to everything: Redis counts it as one more who got each message.
class Monitor {
 public:
  explicit Monitor(Stage& stage, test::RedisServer& server)
      : log_(stage.log), from_(now_ns()), client_(redis_cli(server)) {
    const auto listens = [&] { return server.command({"PUBSUB", "NUMPAT"}) == 1; };
    if (!test::wait_until(listens, std::chrono::seconds(10))) {
      throw std::runtime_error("redis-cli has not subscribed");
    }
  }
  ~Monitor() {
    client_.kill();
    log_.write("monitor", {{"from", from_}, {"to", now_ns()}});
  }
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

 private:
  static test::ProcessOptions redis_cli(const test::RedisServer& server) {
    test::ProcessOptions options;
    options.command = {"redis-cli", "-s", server.socket(), "PSUBSCRIBE", "*"};
    options.output = "/dev/null";
    return options;
  }

  EventLog& log_;
  Nanoseconds from_;
  test::ChildProcess client_;
};

/// Meanwhile a node loses its connections, or dies.
void monitor_listens(Stage& stage) {
  const Monitor monitor(stage, stage.world.master());
  stage.wait(stage.draw(300, 1000));
  if (stage.draw(std::size_t{2}) == 0) {
    const Nanoseconds from = now_ns();
    stage.any_process().link->drop();
    note_disconnection(stage, from);
  } else {
    stage.fleet.kill(stage.draw(stage.fleet.size()));
    stage.spawn_process();
  }
  stage.wait(stage.draw(2000, 4000));
}

}  // namespace

std::vector<Fault> redis_faults() {
  return {
      {"redis_comes_back_empty", redis_comes_back_empty, on_plain | on_sentinel, true},
      {"redis_restarts_with_data", redis_restarts_with_data, on_plain},
      {"redis_stands_still", redis_stands_still, on_plain | on_sentinel},
      {"kill_pubsub_clients", kill_pubsub_clients, anywhere, true},
      {"kill_normal_clients", kill_normal_clients, anywhere},
      {"flush_all", flush_all, anywhere},
      {"flush_scripts", flush_scripts, anywhere},
      {"monitor_listens", monitor_listens, on_plain | on_sentinel},
  };
}

}  // namespace mesh::chaos
