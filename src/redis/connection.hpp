#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <async/strand.hpp>
#include <redis/endpoint.hpp>
#include <redis/reply.hpp>

struct redisAsyncContext;

namespace mesh::redis {

class EventAdapter;

/// One physical connection to Redis, from connecting to closing; it never reconnects. The only
/// place that touches hiredis' async context. All members must be called on the strand, and the
/// callbacks run on it, none of them after `close()`.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Callbacks {
    std::function<void()> on_connected;
    std::function<void(std::string_view channel)> on_subscribed;
    std::function<void(std::string_view channel, std::string_view payload)> on_message;
    std::function<void(const std::string& cause)> on_closed;
  };
  /// Called once with the reply, or with null if the connection ended before it came.
  using ReplyCallback = std::function<void(Reply* reply)>;

  /// Begins to connect to a numeric address or a unix socket.
  static std::shared_ptr<Connection> open(const Strand& strand, const Endpoint& endpoint,
                                          Callbacks callbacks);

  Connection(const Strand& strand, Callbacks callbacks);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_open() const;
  TimePoint last_read() const { return last_read_; }

  void command(std::span<const std::string> arguments, ReplyCallback callback);
  void subscribe(const std::string& channel);
  void unsubscribe(const std::string& channel);
  /// Sends a PING whose answer is not reported; any byte that arrives shows in `last_read()`.
  void ping();
  void close();

 private:
  void handle_push(const void* raw_reply);
  void handle_cleanup(std::string cause);

  Strand strand_;
  Callbacks callbacks_;
  std::shared_ptr<EventAdapter> adapter_;
  TimePoint last_read_ = Clock::now();
  bool subscribed_ = false;
};

}  // namespace mesh::redis
