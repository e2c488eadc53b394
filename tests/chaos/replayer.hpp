#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <queue>
#include <random>
#include <string>
#include <thread>

#include "event_log.hpp"
#include "world.hpp"

namespace mesh::chaos {

/// Publishes some of the requests a second and a third time, at once and some time later, with the
/// same request id: a node must not run them again.
class Replayer {
 public:
  Replayer(World& world, EventLog& log, std::uint64_t seed);
  ~Replayer();
  Replayer(const Replayer&) = delete;
  Replayer& operator=(const Replayer&) = delete;

  /// A request that was just sent. May be called from any thread.
  void on_request(const std::string& channel, const std::string& text);
  /// Redis may lose its data now: afterwards an id may belong to another node, for which an old
  /// request would be a new one. Forgets all requests, and takes no more until resume().
  void suspend();
  void resume();
  std::size_t count() const { return count_; }

 private:
  struct Repetition {
    Nanoseconds due = 0;
    std::string channel;
    std::string text;
    bool operator<(const Repetition& other) const { return due > other.due; }
  };

  void run();
  void publish_due();

  World& world_;
  EventLog& log_;
  std::mutex mutex_;       // of what follows
  std::mutex publishing_;  // held while something is published; taken before the other
  int suspended_ = 0;
  std::mt19937_64 random_;
  std::priority_queue<Repetition> queue_;
  std::atomic<std::size_t> count_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace mesh::chaos
