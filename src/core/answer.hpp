#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <mesh/node.hpp>

#include <async/strand.hpp>

namespace mesh::core {

/// What a node that works on a request sends to its caller.
struct Answer {
  enum class Kind {
    heartbeat,  ///< May get lost: the next one follows.
    response,   ///< Must arrive if that is possible.
  };

  Kind kind = Kind::response;
  std::string message{};
  std::chrono::milliseconds useful_for{0};  ///< After this nobody waits for it any more.
  TimePoint made_at{};
  unsigned accepts = 0;                    ///< Features of the caller.
  std::shared_ptr<unsigned> deliveries{};  ///< If set, counts how often it was received.
};

using SendAnswer = std::function<void(InstanceId target, Answer&& answer)>;

}  // namespace mesh::core
