#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <mesh/node.hpp>

#include <async/strand.hpp>

namespace mesh::core {

/// A response on its way to its caller.
struct OutgoingResponse {
  InstanceId target = 0;
  std::string message{};
  TimePoint deadline{};
  std::shared_ptr<unsigned> deliveries{};  ///< See `Answer`.
  unsigned accepts = 0;                    ///< Features of the caller.
  std::int32_t attempts = 0;
  std::int32_t suspected_losses = 0;  ///< Of connections, of which its size may be the cause.
  bool may_have_arrived = false;
  bool has_waited = false;
};

}  // namespace mesh::core
