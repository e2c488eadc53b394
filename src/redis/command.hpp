#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include <mesh/errors.hpp>

#include <redis/channel_kind.hpp>
#include <redis/reply.hpp>
#include <util/inplace_function.hpp>

namespace mesh::redis {

/// Appends a command's name and arguments as the bytes that Redis reads; returns how many.
std::size_t append_command(std::string& bytes, std::span<const std::string_view> words);
/// The same for PUBLISH, or what it is called for this kind, which is most of what is sent.
std::size_t append_publish(std::string& bytes, std::string_view channel, std::string_view message,
                           ChannelKind kind = ChannelKind::classic);

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
  /// After `Failure::disconnected`: of this command, if it may be why (see size_refusal.hpp).
  std::size_t suspect_size = 0;
};

/// Held in place, since most commands are messages, of which there are many.
using OutcomeCallback = InplaceFunction<void(Outcome&& outcome), 80>;

/// What `Failure::overflow` means to a user.
inline MeshLimitError overflow_error() {
  return MeshLimitError("too much waits for the connection to Redis (MeshLimits::queued_bytes)");
}

}  // namespace mesh::redis
