#include "fault_records.hpp"

#include <chrono>
#include <optional>

#include <support/wait.hpp>

namespace mesh::chaos {

using std::chrono::milliseconds;

namespace {

/// What a replica that lags behind would know: an earlier counter, and no later registrations.
class Rewind {
 public:
  Rewind(World& world, InstanceId next_id)
      : stem_(world.stem()), probe_(world.probe()), last_(next_id - 1) {}

  void once() {
    probe_.command({"EVAL",
                    "redis.call('DEL', KEYS[2], KEYS[3]) "
                    "for _, key in ipairs(redis.call('KEYS', ARGV[2])) do "
                    "redis.call('DEL', key) end "
                    "redis.call('SET', KEYS[1], ARGV[1])",
                    "3", stem_ + ":next_id", stem_ + ":heartbeats", stem_ + ":nodes",
                    std::to_string(last_), stem_ + ":owner:*"});
  }

 private:
  std::string stem_;
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
  const std::string channel = stage.world.node_channel(id);
  test::RedisProbe probe = stage.world.probe();
  test::wait_until([&] { return stage.world.subscribers(channel) > 0; },
                   stage.timing.stretched(3000));
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
      subscribed = subscribed && stage.world.subscribers(channel) > 0;
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
    const milliseconds left(probe.integer({"PTTL", stage.world.lock()}));
    return left > stage.timing.leader_ttl() - stage.timing.stretched(50);
  };
  test::wait_until(just_renewed, stage.timing.stretched(4000));
}

/// Somebody else holds the lock, while a node is there to be cleaned up. Nobody may do that then.
void lock_is_taken_away(Stage& stage) {
  const InstanceId ghost_id = stage.next_ghost++;
  const std::string ghost = std::to_string(ghost_id);
  const std::string stem = stage.world.stem();
  test::RedisProbe probe = stage.world.probe();
  await_renewal(stage, probe);
  {
    const Loss loss(stage, "lock");
    stage.log.write("ghost", {{"id", ghost_id}});
    probe.command({"EVAL",
                   "redis.call('SET', KEYS[1], 'the runner', 'PX', ARGV[1]) "
                   "redis.call('ZADD', KEYS[2], 1, ARGV[2]) "
                   "redis.call('HSET', KEYS[3], ARGV[2], 'ghost')",
                   "3", stage.world.lock(), stem + ":heartbeats", stem + ":nodes",
                   std::to_string(stage.timing.leader_ttl().count()), ghost});
  }
  const auto lock_ended = [&] {
    const std::string state =
        probe.text({"EVAL",
                    "if redis.call('GET', KEYS[1]) ~= 'the runner' then return 'over' end "
                    "return redis.call('ZSCORE', KEYS[2], ARGV[1]) and 'untouched' or 'removed'",
                    "2", stage.world.lock(), stem + ":heartbeats", ghost});
    if (state == "removed") {
      stage.log.write("violation", {{"what", "node " + ghost +
                                                 " was cleaned up while somebody else held the "
                                                 "leader's lock"}});
    }
    return state != "untouched";
  };
  test::wait_until(lock_ended, stage.timing.leader_ttl() * 4);
  stage.await_report(ghost_id);
}

}  // namespace

std::vector<Fault> registry_faults() {
  return {
      {"newcomer_is_offered_id_in_use", newcomer_is_offered_id_in_use, on_plain | on_cluster},
      {"newcomer_takes_id_of_lost_node", newcomer_takes_id_of_lost_node, on_plain | on_cluster,
       true},
      {"lock_is_taken_away", lock_is_taken_away, on_plain | on_cluster, true},
  };
}

}  // namespace mesh::chaos
