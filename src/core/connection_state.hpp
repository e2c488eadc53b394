#pragma once

#include <utility>

#include <mesh/detail/callback.hpp>

#include <async/serial_queue.hpp>
#include <core/connections.hpp>
#include <core/counters.hpp>

namespace mesh::core {

/// Whether a running node has the connections that it needs, and who is told when that changes. All
/// members must be called on the strand.
class ConnectionState {
 public:
  using Callback = detail::AsyncCallback<bool>;

  ConnectionState(const Connections& connections, SerialQueue& callbacks, Counters& counters)
      : connections_(connections), callbacks_(callbacks), counters_(counters) {}

  void set_callback(Callback callback) { callback_ = std::move(callback); }

  /// The node has joined: it is taken for connected, and if a connection was lost meanwhile, that
  /// is told.
  void begin();
  /// One of the connections has come or gone.
  void update();
  /// Nobody is told that the node leaves.
  void end();

 private:
  const Connections& connections_;
  SerialQueue& callbacks_;
  Counters& counters_;
  Callback callback_;
  bool is_watching_ = false;
};

}  // namespace mesh::core
