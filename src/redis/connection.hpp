#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <async/strand.hpp>
#include <redis/command.hpp>
#include <redis/endpoint.hpp>
#include <redis/outgoing.hpp>

namespace mesh::redis {

/// What is kept of a message that is larger than allowed.
struct OversizedMessage {
  std::string_view channel;
  std::string_view beginning;  ///< A few KiB at most.
  std::size_t size = 0;
};

/// One physical connection to Redis, from connecting to closing; it never reconnects. All members
/// must be called on the strand, and the callbacks run on it, none of them after `close()`.
/// What is sent in one turn of the executor leaves in one write, or a few if it is much.
class Connection {
 public:
  struct Callbacks {
    std::function<void()> on_connected;
    std::function<void(std::string_view channel)> on_subscribed;
    std::function<void(std::string_view channel, std::string_view payload)> on_message;
    /// A message that was passed over because it is too large.
    std::function<void(const OversizedMessage& message)> on_oversized;
    /// To a command, or one that ends the connection since it answers none.
    std::function<void(const Reply& reply)> on_error_reply;
    /// For what waits for the end of a turn; not where a turn has much to write before that.
    std::function<void()> before_write;
    std::function<void()> on_written;  ///< Of some bytes, so that others may follow.
    std::function<void(const std::string& cause)> on_closed;
  };

  Connection() = default;
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virtual bool is_open() const = 0;
  /// When bytes last arrived.
  virtual TimePoint last_read() const = 0;
  /// Why a deadline passed before `on_connected`.
  virtual std::string timeout_cause() const = 0;

  /// What leaves it, and what does not yet.
  virtual Outgoing outgoing() = 0;

  /// That wait to be handed to the system.
  virtual std::size_t unwritten_bytes() const = 0;
  /// Of commands that have no reply yet.
  virtual std::size_t unanswered_bytes() const = 0;

  /// After a loss: of the command that may be why; 0 if there is none.
  virtual std::size_t suspect_size() const = 0;

  /// The callback is called once, with the reply, or with `Failure::disconnected`.
  virtual void command(const Command& command, OutcomeCallback&& callback) = 0;
  /// The same for the command that publishes the message, which need not be put together first and
  /// counts for so many commands where there is much to write.
  virtual void publish(std::string_view channel, std::string_view message,
                       OutcomeCallback&& callback, std::size_t messages = 1) = 0;
  virtual void subscribe(const std::string& channel) = 0;
  virtual void unsubscribe(const std::string& channel) = 0;
  /// Sends a PING whose answer is not reported; any byte that arrives shows in `last_read()`.
  virtual void ping() = 0;
  /// Has `before_write` called at the end of this turn, or once what is being written has been.
  virtual void want_write() = 0;
  /// Larger messages are passed over without being held in memory.
  virtual void set_largest_message(std::size_t size) = 0;
  virtual void close() = 0;
};

}  // namespace mesh::redis
