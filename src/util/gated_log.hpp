#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include <mesh/detail/gate.hpp>
#include <mesh/log.hpp>

namespace mesh {

/// A sink that passes lines on while the gate is open.
inline LogSink gated(LogSink log, std::shared_ptr<const detail::Gate> gate) {
  return [log = std::move(log), gate = std::move(gate)](LogLevel level, std::string_view text) {
    if (gate->is_open()) log(level, text);
  };
}

}  // namespace mesh
