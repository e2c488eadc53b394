#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "event_log.hpp"
#include "member.hpp"

namespace mesh::chaos {

/// Looks at the members every 10 ms from a thread of its own, so that a busy executor hides
/// nothing, and logs what it saw:
///  - "lead" with the time before and after the look at the leadership, each time it was held;
///  - "id" when another id is seen, with the last time at which the former one was;
///  - "stall" when the looks were far apart: the process stood still;
///  - "rss", the resident memory, every second.
class Sampler {
 public:
  Sampler(std::vector<std::shared_ptr<Member>> members, EventLog& log);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

 private:
  struct Seen {
    InstanceId id = 0;
    Nanoseconds last = 0;
  };

  void run();
  void look_at(Member& member, Seen& seen);
  void look_at_process();

  std::vector<std::shared_ptr<Member>> members_;
  EventLog& log_;
  std::vector<Seen> seen_;
  Nanoseconds last_look_ = 0;
  Nanoseconds last_size_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace mesh::chaos
