#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include <mesh/errors.hpp>

#include <redis/reply.hpp>

namespace mesh::redis {

/// A command's name and arguments, as the bytes that Redis reads.
class Command {
 public:
  Command(std::initializer_list<std::string_view> words)
      : Command(std::span<const std::string_view>(words.begin(), words.size())) {}
  explicit Command(std::span<const std::string_view> words);

  std::string_view name() const;
  const std::string& bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }

  friend bool operator==(const Command& left, const Command& right) = default;

 private:
  std::string bytes_;
};

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

using OutcomeCallback = std::function<void(Outcome&& outcome)>;

/// What `Failure::overflow` means to a user.
inline MeshLimitError overflow_error() {
  return MeshLimitError("too much waits for the connection to Redis (MeshLimits::queued_bytes)");
}

}  // namespace mesh::redis
