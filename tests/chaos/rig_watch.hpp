#pragma once

#include <atomic>
#include <thread>

#include "event_log.hpp"
#include "proxy.hpp"

namespace mesh::chaos {

/// Logs when the thread of the proxies stood still, as the machine had other things to do: no node
/// can be blamed for what it could not say or hear then.
class RigWatch {
 public:
  RigWatch(ProxyThread& proxies, EventLog& log);
  ~RigWatch();
  RigWatch(const RigWatch&) = delete;
  RigWatch& operator=(const RigWatch&) = delete;

 private:
  void run();

  ProxyThread& proxies_;
  EventLog& log_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace mesh::chaos
