#include "faults.hpp"

#include <array>
#include <optional>
#include <thread>
#include <utility>

#include <support/wait.hpp>

namespace mesh::chaos {

using std::chrono::milliseconds;

std::size_t Stage::draw(std::size_t below) {
  return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
}

milliseconds Stage::draw(double from_ms, double to_ms) {
  return timing.stretched(std::uniform_real_distribution<double>(from_ms, to_ms)(random));
}

void Stage::wait(milliseconds duration) const { std::this_thread::sleep_for(duration); }

void Stage::spawn_process() {
  const std::size_t members = draw(std::size_t{4}) == 0 ? 2 : 1;
  fleet.spawn(members, 1 + draw(std::size_t{2}));
}

namespace {

/// While it lives Redis may lose its data.
class Loss {
 public:
  Loss(Stage& stage, std::string kind) : stage_(stage), kind_(std::move(kind)) {
    stage_.replayer.suspend();
    from_ = now_ns();
  }
  ~Loss() {
    stage_.log.write("loss", {{"kind", kind_}, {"from", from_}, {"to", now_ns()}});
    stage_.replayer.resume();
  }
  Loss(const Loss&) = delete;
  Loss& operator=(const Loss&) = delete;

 private:
  Stage& stage_;
  std::string kind_;
  Nanoseconds from_ = 0;
};

/// While it lives, all processes, or one, cannot use Redis.
class Outage {
 public:
  explicit Outage(Stage& stage, std::string process = "")
      : stage_(stage), process_(std::move(process)), from_(now_ns()) {}
  ~Outage() { stage_.log.write("outage", {{"p", process_}, {"from", from_}, {"to", now_ns()}}); }
  Outage(const Outage&) = delete;
  Outage& operator=(const Outage&) = delete;

 private:
  Stage& stage_;
  std::string process_;
  Nanoseconds from_;
};

void note_disconnection(Stage& stage, Nanoseconds from, const std::string& process = "") {
  stage.log.write("disconnected", {{"p", process}, {"from", from}, {"to", now_ns()}});
}

// Redis -------------------------------------------------------------------------------------------

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

// Nodes -------------------------------------------------------------------------------------------

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

bool is_registered(test::RedisProbe& probe, InstanceId id) {
  return probe.zscore(std::string(World::stem) + ":heartbeats", std::to_string(id)).has_value();
}

/// Nothing else happens until the dead node is reported, or ought to be.
void await_report(Stage& stage, InstanceId id) {
  const auto reported = [&] {
    stage.fleet.observer().read();
    return stage.fleet.observer().is_reported(id);
  };
  test::wait_until(reported,
                   stage.timing.node_ttl() + stage.timing.leader_ttl() * 2 + stage.timing.slack());
}

/// Kills a node, and the leader in the moment in which it has removed the dead one.
void leader_dies_while_it_cleans_up(Stage& stage) {
  const std::size_t leader = stage.fleet.leader();
  const std::string name = stage.fleet.at(leader).name;
  const std::size_t victim = (leader + 1 + stage.draw(stage.fleet.size() - 1)) % stage.fleet.size();
  const std::vector<InstanceId> dead = stage.fleet.kill(victim);
  if (!dead.empty()) {
    test::RedisProbe probe = stage.world.probe();
    test::wait_until([&] { return !is_registered(probe, dead.front()); },
                     stage.timing.stretched(6000));
    // Half of the time at once, else at any time until it has reported.
    if (stage.draw(std::size_t{2}) == 0) stage.wait(stage.draw(0, 3));
    stage.fleet.kill(stage.fleet.index_of(name));
    stage.spawn_process();
  }
  stage.spawn_process();
  for (const InstanceId id : dead) await_report(stage, id);
}

// The network -------------------------------------------------------------------------------------

void link_is_cut(Stage& stage) {
  Fleet::Process& process = stage.any_process();
  const Outage outage(stage, process.name);
  process.link->cut();
  stage.wait(stage.draw(100, 2500));
  process.link->restore();
}

void link_freezes(Stage& stage) {
  Fleet::Process& process = stage.any_process();
  const Outage outage(stage, process.name);
  process.link->freeze();
  stage.wait(stage.draw(100, 2500));
  process.link->thaw();
}

/// The connections end without a word to the node; only its own probing tells.
void peer_vanishes(Stage& stage) {
  Fleet::Process& process = stage.any_process();
  const Outage outage(stage, process.name);
  process.link->darken();
  // Two intervals of the health check, and some.
  stage.wait(stage.timing.health_check() * 5 / 2);
}

/// Requests reach Redis, but no one hears that they did: they are sent again.
void answers_are_lost(Stage& stage) {
  Fleet::Process& process = stage.any_process();
  const Outage outage(stage, process.name);
  process.link->deafen();
  stage.wait(stage.draw(50, 600));
  process.link->drop();
}

/// The leader renews its lock, hears of it late or at once, and is cut off.
void lease_runs_out(Stage& stage, milliseconds hold) {
  Fleet::Process& process = stage.fleet.at(stage.fleet.leader());
  const Outage outage(stage, process.name);
  const Nanoseconds renewed = process.link->cut_after_renewal(hold, stage.timing.stretched(4000));
  if (renewed != 0) stage.wait(stage.timing.leader_ttl() * 3 / 2 - hold);
  if (renewed != 0) {
    stage.log.write("lease_cut", {{"p", process.name}, {"renewed", renewed}, {"to", now_ns()}});
  }
  process.link->restore();
}

void leader_is_cut_off(Stage& stage) { lease_runs_out(stage, milliseconds(0)); }

void leader_hears_late(Stage& stage) { lease_runs_out(stage, stage.timing.leader_ttl() * 6 / 10); }

// What the mesh keeps in Redis --------------------------------------------------------------------

/// What a replica that lags behind would know: an earlier counter, and no later registrations.
class Rewind {
 public:
  Rewind(World& world, InstanceId next_id) : probe_(world.probe()), last_(next_id - 1) {}

  void once() {
    const std::string stem = World::stem;
    probe_.command({"EVAL",
                    "redis.call('DEL', KEYS[2], KEYS[3]) "
                    "for _, key in ipairs(redis.call('KEYS', ARGV[2])) do "
                    "redis.call('DEL', key) end "
                    "redis.call('SET', KEYS[1], ARGV[1])",
                    "3", stem + ":next_id", stem + ":heartbeats", stem + ":nodes",
                    std::to_string(last_), stem + ":owner:*"});
  }

 private:
  test::RedisProbe probe_;
  InstanceId last_;
};

/// A newcomer is offered the id of a node that lives, which Redis has forgotten.
void offer_taken_id(Stage& stage, bool cut) {
  Fleet& fleet = stage.fleet;
  Fleet::Process& process = stage.any_process();
  fleet.observer().read();
  InstanceId id = 0;
  for (const auto& [name, member] : fleet.observer().members()) {
    if (member.process == process.name) id = member.id;
  }
  if (id == 0) return;
  const std::string channel = std::string(World::stem) + ":node:" + std::to_string(id);
  test::RedisProbe probe = stage.world.probe();
  test::wait_until([&] { return probe.subscribers(channel) > 0; }, stage.timing.stretched(3000));
  std::optional<Outage> outage;
  if (cut) {
    outage.emplace(stage, process.name);
    process.link->cut();
  }
  const Nanoseconds from = now_ns();
  bool subscribed = true;
  {
    const Loss loss(stage, "rewind");
    Rewind rewind(stage.world, id);
    rewind.once();
    fleet.spawn(1, 1);
    const std::string newcomer = fleet.at(fleet.size() - 1).name + ".0";
    const auto has_joined = [&] {
      rewind.once();
      subscribed = subscribed && probe.subscribers(channel) > 0;
      fleet.observer().read();
      const auto found = fleet.observer().members().find(newcomer);
      return found != fleet.observer().members().end() && found->second.id != 0;
    };
    test::wait_until(has_joined, stage.timing.stretched(5000));
  }
  if (subscribed && !cut) {
    stage.log.write("in_use", {{"p", process.name}, {"id", id}, {"from", from}, {"to", now_ns()}});
  }
  if (cut) {
    stage.wait(stage.timing.heartbeat_interval() * 2);
    process.link->restore();
  }
}

void newcomer_is_offered_id_in_use(Stage& stage) { offer_taken_id(stage, false); }
void newcomer_takes_id_of_lost_node(Stage& stage) { offer_taken_id(stage, true); }

/// Returns when the leader has just renewed its lock, so that it believes in it for a while.
void await_renewal(Stage& stage, test::RedisProbe& probe) {
  const auto just_renewed = [&] {
    const milliseconds left(probe.integer({"PTTL", World::lock}));
    return left > stage.timing.leader_ttl() - stage.timing.stretched(50);
  };
  test::wait_until(just_renewed, stage.timing.stretched(4000));
}

/// Somebody else holds the lock, while a node is there to be cleaned up. Nobody may do that then.
void lock_is_taken_away(Stage& stage) {
  const InstanceId ghost_id = stage.next_ghost++;
  const std::string ghost = std::to_string(ghost_id);
  const std::string stem = World::stem;
  test::RedisProbe probe = stage.world.probe();
  await_renewal(stage, probe);
  {
    const Loss loss(stage, "lock");
    stage.log.write("ghost", {{"id", ghost_id}});
    probe.command({"EVAL",
                   "redis.call('SET', KEYS[1], 'the runner', 'PX', ARGV[1]) "
                   "redis.call('ZADD', KEYS[2], 1, ARGV[2]) "
                   "redis.call('HSET', KEYS[3], ARGV[2], 'ghost')",
                   "3", World::lock, stem + ":heartbeats", stem + ":nodes",
                   std::to_string(stage.timing.leader_ttl().count()), ghost});
  }
  const auto lock_ended = [&] {
    const std::string state =
        probe.text({"EVAL",
                    "if redis.call('GET', KEYS[1]) ~= 'the runner' then return 'over' end "
                    "return redis.call('ZSCORE', KEYS[2], ARGV[1]) and 'untouched' or 'removed'",
                    "2", World::lock, stem + ":heartbeats", ghost});
    if (state == "removed") {
      stage.log.write("violation", {{"what", "node " + ghost +
                                                 " was cleaned up while somebody else held the "
                                                 "leader's lock"}});
    }
    return state != "untouched";
  };
  test::wait_until(lock_ended, stage.timing.leader_ttl() * 4);
  await_report(stage, ghost_id);
}

// Sentinel ----------------------------------------------------------------------------------------

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

const std::vector<Fault>& all_faults() {
  static const std::vector<Fault> faults{
      {"redis_comes_back_empty", redis_comes_back_empty, true, true, true},
      {"redis_restarts_with_data", redis_restarts_with_data, true, false},
      {"redis_stands_still", redis_stands_still, true, true},
      {"kill_pubsub_clients", kill_pubsub_clients, true, true, true},
      {"kill_normal_clients", kill_normal_clients, true, true},
      {"flush_all", flush_all, true, true},
      {"flush_scripts", flush_scripts, true, true},
      {"node_stands_still", node_stands_still, true, true},
      {"node_stutters", node_stutters, true, false},
      {"node_is_killed", node_is_killed, true, true},
      {"leader_is_killed", leader_is_killed, true, true},
      {"node_leaves", node_leaves, true, true},
      {"node_restarts_in_place", node_restarts_in_place, true, true},
      {"leader_dies_while_it_cleans_up", leader_dies_while_it_cleans_up, true, false},
      {"link_is_cut", link_is_cut, true, true},
      {"link_freezes", link_freezes, true, true, true},
      {"peer_vanishes", peer_vanishes, true, true, true},
      {"answers_are_lost", answers_are_lost, true, true},
      {"leader_is_cut_off", leader_is_cut_off, true, false},
      {"leader_hears_late", leader_hears_late, true, false},
      {"newcomer_is_offered_id_in_use", newcomer_is_offered_id_in_use, true, false},
      {"newcomer_takes_id_of_lost_node", newcomer_takes_id_of_lost_node, true, false, true},
      {"lock_is_taken_away", lock_is_taken_away, true, false, true},
      {"master_is_replaced", master_is_replaced, false, true},
      {"master_is_killed", master_is_killed, false, true},
  };
  return faults;
}

}  // namespace mesh::chaos
