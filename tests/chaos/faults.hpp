#pragma once

#include <chrono>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "event_log.hpp"
#include "fleet.hpp"
#include "messages.hpp"
#include "node_options.hpp"
#include "replayer.hpp"
#include "world.hpp"

namespace mesh::chaos {

/// What the faults play with.
struct Stage {
  World& world;
  Fleet& fleet;
  Replayer& replayer;
  EventLog& log;
  std::mt19937_64& random;
  Timing timing;
  std::size_t processes = 3;        ///< How many there are to be.
  InstanceId next_ghost = 900'000;  ///< Far from the ids of nodes.
  std::size_t orders = 0;

  std::size_t draw(std::size_t below);
  std::chrono::milliseconds draw(double from_ms, double to_ms);  ///< Before stretching.
  void wait(std::chrono::milliseconds duration) const;
  Fleet::Process& any_process() { return fleet.at(draw(fleet.size())); }
  void spawn_process();
  /// A member of the process that has an id, once there is one; else 0.
  InstanceId await_id(const std::string& process);
  /// The same of any other process.
  InstanceId id_of_another(const std::string& process);
  /// Has the node call another one. Returns the number of the call.
  std::string order(InstanceId caller, Order order);
  /// Has another process call this one, and waits until the handler has begun; a fault may have
  /// left both out of touch for a while. Returns the number of the call, empty if none has begun,
  /// which is a violation.
  std::string order_from_another(const std::string& process, Order order);
  /// Nothing else happens until the dead node is reported, or ought to be.
  void await_report(InstanceId id);
};

/// Something that goes wrong, and is over when `run` returns; what it did is in the log.
struct Fault {
  const char* name;
  void (*run)(Stage&);
  RedisKinds kinds;  ///< Of Redis: on which it can be played.
  /// The mesh has to heal before anything else goes wrong, which might cure it.
  bool must_heal = false;
};

std::vector<Fault> redis_faults();
std::vector<Fault> node_faults();
std::vector<Fault> handler_faults();
std::vector<Fault> network_faults();
std::vector<Fault> registry_faults();
std::vector<Fault> failover_faults();
std::vector<Fault> cluster_faults();
const std::vector<Fault>& all_faults();

}  // namespace mesh::chaos
