#include "faults.hpp"

#include <thread>

#include <support/wait.hpp>

namespace mesh::chaos {

using std::chrono::milliseconds;

namespace {

constexpr InstanceId nobody = 4'999'999;  // for answers to the runner

}  // namespace

std::size_t Stage::draw(std::size_t below) {
  return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
}

milliseconds Stage::draw(double from_ms, double to_ms) {
  return timing.stretched(std::uniform_real_distribution<double>(from_ms, to_ms)(random));
}

void Stage::wait(milliseconds duration) const { std::this_thread::sleep_for(duration); }

void Stage::spawn_process() {
  const std::size_t members = draw(std::size_t{4}) == 0 ? 2 : 1;
  const bool protocol_thread = can_have_protocol_thread && draw(std::size_t{2}) == 0;
  fleet.spawn(members, 1 + draw(std::size_t{2}), protocol_thread);
}

InstanceId Stage::await_id(const std::string& process) {
  InstanceId id = 0;
  const auto has_joined = [&] {
    fleet.observer().read();
    for (const auto& [name, member] : fleet.observer().members()) {
      if (member.process == process && member.id != 0) id = member.id;
    }
    return id != 0;
  };
  test::wait_until(has_joined, timing.slack());
  return id;
}

InstanceId Stage::id_of_another(const std::string& process) {
  const std::size_t other = fleet.index_of(process) + 1 + draw(fleet.size() - 1);
  return await_id(fleet.at(other % fleet.size()).name);
}

std::string Stage::order(InstanceId caller, Order order) {
  order.call = Observer::ordered + std::to_string(++orders);
  const nlohmann::json request{{"requestId", order.call},
                               {"senderInstanceId", nobody},
                               {"type", "order"},
                               {"data", order},
                               {"timeoutMs", 500}};
  const std::string channel = world.node_channel(caller);
  test::wait_until([&] { return world.publish(channel, request.dump()) > 0; }, timing.slack());
  return order.call;
}

std::string Stage::order_from_another(const std::string& process, Order order) {
  constexpr int attempts = 3;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    order.to = await_id(process);
    const std::string call = this->order(id_of_another(process), order);
    const auto has_begun = [&] {
      fleet.observer().read();
      return fleet.observer().has_begun(call);
    };
    if (test::wait_until(has_begun, timing.slack())) return call;
  }
  log.write("violation", {{"what", process + " runs no handler \"" + order.kind + "\""}});
  return "";
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
    for (const auto& some : {redis_faults(), node_faults(), handler_faults(), network_faults(),
                             registry_faults(), failover_faults(), cluster_faults()}) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return faults;
}

}  // namespace mesh::chaos
