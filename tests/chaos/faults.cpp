#include "faults.hpp"

#include <thread>

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

void Stage::await_report(InstanceId id) {
  const auto reported = [&] {
    fleet.observer().read();
    return fleet.observer().is_reported(id);
  };
  test::wait_until(reported, timing.node_ttl() + timing.leader_ttl() * 2 + timing.slack());
}

const std::vector<Fault>& all_faults() {
  static const std::vector<Fault> faults = [] {
    std::vector<Fault> all;
    for (const auto& some :
         {redis_faults(), node_faults(), network_faults(), registry_faults(), sentinel_faults()}) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return faults;
}

}  // namespace mesh::chaos
