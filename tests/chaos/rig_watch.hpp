#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include <mesh/options.hpp>

#include "event_log.hpp"

namespace mesh::chaos {

/// Logs when a part of the rig stood still, as the machine had other things to do: no node can be
/// blamed for what it could not say or hear then.
class RigWatch {
 public:
  /// The part is asked again and again, from a thread of its own; `ask` returns with its answer,
  /// and whether the part is one that nodes need.
  RigWatch(std::function<bool()> ask, EventLog& log);
  ~RigWatch();
  RigWatch(const RigWatch&) = delete;
  RigWatch& operator=(const RigWatch&) = delete;

 private:
  void run();

  std::function<bool()> ask_;
  EventLog& log_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

/// As Redis lists it.
constexpr const char* ping_client_name = "rig_watch";

/// Asks a server, as long as it can be reached; nodes need it while it is the master.
std::function<bool()> ping(const RedisOptions& server);

}  // namespace mesh::chaos
