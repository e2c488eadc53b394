#include <core/connection_state.hpp>

#include <utility>

namespace mesh::core {

void ConnectionState::begin() {
  is_watching_ = true;
  counters_.connected = true;
  update();
}

void ConnectionState::update() {
  if (!is_watching_) return;
  const bool connected = connections_.are_ready();
  if (counters_.connected.exchange(connected) == connected || !callback_) return;
  callbacks_.push([callback = callback_, connected] { return callback(connected); });
}

void ConnectionState::end() {
  is_watching_ = false;
  counters_.connected = false;
}

}  // namespace mesh::core
