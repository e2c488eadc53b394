#pragma once

#include <mesh/stats.hpp>

#include <util/strand_counter.hpp>

namespace mesh::core {

/// `MeshStats` while it is counted, on the strand; readable from any thread.
struct Counters {
  StrandCounter calls_sent;
  StrandCounter calls_succeeded;
  StrandCounter calls_failed;
  StrandCounter calls_cancelled;
  StrandCounter requests_received;
  StrandCounter calls_resent;
  StrandCounter calls_rerouted;
  StrandCounter requests_repeated;
  StrandCounter requests_refused;
  StrandCounter answers_resent;
  StrandCounter answers_lost;
  StrandCounter broadcasts_sent;
  StrandCounter broadcasts_received;
  StrandCounter messages_dropped;
  StrandCounter messages_late;
  StrandCounter reconnects;

  MeshStats snapshot() const {
    MeshStats stats;
    stats.calls_sent = calls_sent;
    stats.calls_succeeded = calls_succeeded;
    stats.calls_failed = calls_failed;
    stats.calls_cancelled = calls_cancelled;
    stats.requests_received = requests_received;
    stats.calls_resent = calls_resent;
    stats.calls_rerouted = calls_rerouted;
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
