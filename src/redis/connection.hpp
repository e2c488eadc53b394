#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <async/strand.hpp>
#include <redis/endpoint.hpp>
#include <redis/reply.hpp>

namespace mesh::redis {

/// One physical connection to Redis, from connecting to closing; it never reconnects. All members
/// must be called on the strand, and the callbacks run on it, none of them after `close()`.
/// What is sent in one turn of the executor leaves in one write.
class Connection {
 public:
  struct Callbacks {
    std::function<void()> on_connected;
    std::function<void(std::string_view channel)> on_subscribed;
    std::function<void(std::string_view channel, std::string_view payload)> on_message;
    std::function<void(const std::string& cause)> on_closed;
  };
  /// Called once with the reply, or with null if the connection ended before it came.
  using ReplyCallback = std::function<void(Reply* reply)>;

  Connection() = default;
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virtual bool is_open() const = 0;
  /// When bytes last arrived.
  virtual TimePoint last_read() const = 0;
  /// Why a deadline passed before `on_connected`.
  virtual std::string timeout_cause() const = 0;

  virtual void command(std::span<const std::string> arguments, ReplyCallback callback) = 0;
  virtual void subscribe(const std::string& channel) = 0;
  virtual void unsubscribe(const std::string& channel) = 0;
  /// Sends a PING whose answer is not reported; any byte that arrives shows in `last_read()`.
  virtual void ping() = 0;
  virtual void close() = 0;
};

}  // namespace mesh::redis
