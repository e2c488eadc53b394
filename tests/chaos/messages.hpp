#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <mesh/mesh.hpp>
#include <nlohmann/json.hpp>

namespace mesh::chaos {

/// Travels both ways: the number of the call tells what was run for whom.
struct CallData {
  std::string call;
  std::int64_t ms = 0;  ///< How long the handler is to take.
  std::string padding;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CallData, call, ms, padding)

/// What the runner has a node do: call another one.
struct Order {
  std::string kind;
  InstanceId to = 0;
  std::string call;
  std::int64_t ms = 0;
  std::size_t bytes = 0;  ///< Of padding.
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, kind, to, call, ms, bytes)

using Messages =
    MessageMap<Message<"echo", CallData, CallData>,  //
               Message<"slow", CallData, CallData>,  //
               Message<"fail", CallData, CallData>, Message<"block", CallData, CallData>,
               Message<"start_program", CallData, CallData>, Message<"order", Order, std::string>,
               Message<"missing", CallData, CallData>>;  // nobody handles it
using Broadcasts = BroadcastMap<Broadcast<"news", CallData>>;
using Service = MeshService<Messages, Broadcasts>;

}  // namespace mesh::chaos
