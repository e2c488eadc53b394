#pragma once

#include <string_view>

#include <mesh/node.hpp>
#include <scripts/publish_again.lua.hpp>

#include <core/keys.hpp>
#include <redis/command.hpp>

namespace mesh::core {

/// Whether somebody has received what was published, by PUBLISH or the command below.
inline bool is_received(const redis::Outcome& outcome) {
  return outcome.failure == redis::Failure::none && outcome.reply.integer > 0;
}

/// Publishes what may have arrived before, provided that the target copes with repetitions; an
/// empty `owner` stands for any. What the reply means is said in the script, which is sent whole
/// rather than by its digest: after a fault Redis may well have forgotten it.
inline redis::Command publish_again_command(const Keys& keys, InstanceId target,
                                            std::string_view message, std::string_view owner) {
  return {
      "EVAL", scripts::publish_again, "1", keys.owner(target), keys.node_channel(target), message,
      owner};
}

/// The same for what has certainly not arrived, and so is no repetition to any node.
inline redis::Command publish_to_listener_command(const Keys& keys, InstanceId target,
                                                  std::string_view message) {
  return {"EVAL", scripts::publish_again, "0", keys.node_channel(target), message};
}

}  // namespace mesh::core
