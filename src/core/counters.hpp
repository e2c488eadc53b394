#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include <mesh/node.hpp>
#include <mesh/stats.hpp>

#include <introspection/figures_by_type.hpp>
#include <introspection/last_error.hpp>
#include <util/strand_counter.hpp>
#include <util/strand_gauge.hpp>

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

  StrandGauge calls_pending;
  StrandGauge handlers_running;
  StrandGauge requests_queued;
  StrandGauge bytes_unsent;   ///< Of calls.
  StrandGauge bytes_waiting;  ///< Of commands.
  std::atomic<bool> connected{false};
  std::atomic<InstanceId> instance_id{0};
  std::shared_ptr<introspection::LastError> last_error =
      std::make_shared<introspection::LastError>();

  introspection::CallFigures calls;
  introspection::HandlerFigures handlers;

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
    stats.calls_pending = calls_pending;
    stats.handlers_running = handlers_running;
    stats.requests_queued = requests_queued;
    stats.bytes_queued = bytes_unsent + bytes_waiting;
    stats.connected = connected;
    introspection::LastError::Noted error = last_error->get();
    stats.last_error = std::move(error.text);
    stats.last_error_at = error.at;
    stats.calls = introspection::snapshot(calls);
    stats.handlers = introspection::snapshot(handlers);
    return stats;
  }
};

}  // namespace mesh::core
