#pragma once

#include <atomic>
#include <cstdint>

#include <mesh/stats.hpp>

namespace mesh::core {

/// `MeshStats` while it is counted; readable from any thread.
struct Counters {
  std::atomic<std::uint64_t> calls_sent{0};
  std::atomic<std::uint64_t> calls_succeeded{0};
  std::atomic<std::uint64_t> calls_failed{0};
  std::atomic<std::uint64_t> calls_cancelled{0};
  std::atomic<std::uint64_t> requests_received{0};
  std::atomic<std::uint64_t> calls_resent{0};
  std::atomic<std::uint64_t> requests_repeated{0};
  std::atomic<std::uint64_t> requests_refused{0};
  std::atomic<std::uint64_t> answers_resent{0};
  std::atomic<std::uint64_t> answers_lost{0};
  std::atomic<std::uint64_t> broadcasts_sent{0};
  std::atomic<std::uint64_t> broadcasts_received{0};
  std::atomic<std::uint64_t> messages_dropped{0};
  std::atomic<std::uint64_t> messages_late{0};
  std::atomic<std::uint64_t> reconnects{0};

  MeshStats snapshot() const {
    MeshStats stats;
    stats.calls_sent = calls_sent;
    stats.calls_succeeded = calls_succeeded;
    stats.calls_failed = calls_failed;
    stats.calls_cancelled = calls_cancelled;
    stats.requests_received = requests_received;
    stats.calls_resent = calls_resent;
    stats.requests_repeated = requests_repeated;
    stats.requests_refused = requests_refused;
    stats.answers_resent = answers_resent;
    stats.answers_lost = answers_lost;
    stats.broadcasts_sent = broadcasts_sent;
    stats.broadcasts_received = broadcasts_received;
    stats.messages_dropped = messages_dropped;
    stats.messages_late = messages_late;
    stats.reconnects = reconnects;
    return stats;
  }
};

}  // namespace mesh::core
