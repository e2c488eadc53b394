#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <mesh/errors.hpp>

#include <redis/reply.hpp>

namespace mesh::redis {

/// A command's name and arguments.
using Command = std::vector<std::string>;

inline std::size_t size_in_bytes(const Command& command) {
  std::size_t size = 0;
  for (const std::string& argument : command) size += argument.size();
  return size;
}

/// Why a command has no reply.
enum class Failure {
  none,
  disconnected,  ///< The connection ended after it was sent; it may or may not have run.
  expired,       ///< Its deadline passed before there was a connection to send it on.
  overflow,      ///< Too many bytes were waiting already.
  stopped,       ///< The client was closed.
};

/// What became of a command: a reply, possibly an error reply, or a failure.
struct Outcome {
  Failure failure = Failure::none;
  Reply reply{};
};

/// What `Failure::overflow` means to a user.
inline MeshLimitError overflow_error() {
  return MeshLimitError("too much waits for the connection to Redis (MeshLimits::queued_bytes)");
}

}  // namespace mesh::redis
