#include "fault_records.hpp"

#include <chrono>

namespace mesh::chaos {

using std::chrono::milliseconds;

namespace {

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

/// What the node says leaves slowly, less than its calls need or somewhat more. One message takes
/// longer than a connection may be silent.
void uplink_is_slow(Stage& stage) {
  Fleet::Process& process = stage.any_process();
  const InstanceId caller = stage.await_id(process.name);
  const InstanceId target = stage.id_of_another(process.name);
  const Outage outage(stage, process.name);
  const std::size_t rate = 4000 + stage.draw(std::size_t{36'000});
  process.link->throttle(rate);
  process.link->drop();
  stage.wait(stage.draw(100, 300));
  const auto too_long = static_cast<std::size_t>(stage.timing.health_check().count() * 3);
  stage.order(caller, {"echo", target, "", 0, rate * too_long / 1000});
  stage.wait(stage.draw(1500, 4000));
  process.link->throttle(0);
}

bool leads(Stage& stage, const Fleet::Process& process) {
  stage.fleet.observer().read();
  return stage.fleet.observer().leading_process() == process.name;
}

/// The leader renews its lock, hears of it late or at once, and is cut off.
void lease_runs_out(Stage& stage, milliseconds hold) {
  Fleet::Process& process = stage.fleet.at(stage.fleet.leader());
  const bool led = leads(stage, process);
  const Outage outage(stage, process.name);
  const Nanoseconds renewed = process.link->cut_after_renewal(hold, stage.timing.stretched(4000));
  if (renewed == 0) {
    if (led && leads(stage, process)) {
      stage.log.write("violation", {{"what", process.name + " leads and does not renew its lock"}});
    }
  } else {
    stage.wait(stage.timing.leader_ttl() * 3 / 2 - hold);
    stage.log.write("lease_cut", {{"p", process.name}, {"renewed", renewed}, {"to", now_ns()}});
  }
  process.link->restore();
}

void leader_is_cut_off(Stage& stage) { lease_runs_out(stage, milliseconds(0)); }

void leader_hears_late(Stage& stage) { lease_runs_out(stage, stage.timing.leader_ttl() * 6 / 10); }

}  // namespace

std::vector<Fault> network_faults() {
  return {
      {"link_is_cut", link_is_cut, anywhere},
      {"link_freezes", link_freezes, anywhere, true},
      {"peer_vanishes", peer_vanishes, anywhere, true},
      {"answers_are_lost", answers_are_lost, anywhere},
      {"uplink_is_slow", uplink_is_slow, anywhere},
      {"leader_is_cut_off", leader_is_cut_off, on_plain | on_cluster},
      {"leader_hears_late", leader_hears_late, on_plain | on_cluster},
  };
}

}  // namespace mesh::chaos
