#pragma once

#include <mesh/stats.hpp>

#include <util/counter.hpp>

namespace mesh::core {

/// `MeshStats` while it is counted, on the strand; readable from any thread.
struct Counters {
  Counter calls_sent;
  Counter calls_succeeded;
  Counter calls_failed;
  Counter calls_cancelled;
  Counter requests_received;
  Counter calls_resent;
  Counter requests_repeated;
  Counter requests_refused;
  Counter answers_resent;
  Counter answers_lost;
  Counter broadcasts_sent;
  Counter broadcasts_received;
  Counter messages_dropped;
  Counter messages_late;
  Counter reconnects;

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
