#pragma once

#include <memory>
#include <span>
#include <string>

#include <redis/connection.hpp>

namespace mesh::redis {

class EventAdapter;

/// A connection without TLS, by TCP or a unix socket. The only place that touches hiredis' async
/// context.
class PlainConnection final : public Connection,
                              public std::enable_shared_from_this<PlainConnection> {
 public:
  /// Begins to connect to a numeric address or a unix socket.
  static std::shared_ptr<PlainConnection> open(const Strand& strand, const Endpoint& endpoint,
                                               Callbacks callbacks);

  PlainConnection(const Strand& strand, Callbacks callbacks);
  ~PlainConnection() override;
  PlainConnection(const PlainConnection&) = delete;
  PlainConnection& operator=(const PlainConnection&) = delete;

  bool is_open() const override;
  TimePoint last_read() const override { return last_read_; }
  std::string timeout_cause() const override { return "no connection in time"; }

  void command(std::span<const std::string> arguments, ReplyCallback callback) override;
  void subscribe(const std::string& channel) override;
  void unsubscribe(const std::string& channel) override;
  void ping() override;
  void close() override { shut(); }

 private:
  void shut();
  void handle_push(const void* raw_reply);
  void handle_cleanup(std::string cause);

  Strand strand_;
  Callbacks callbacks_;
  std::shared_ptr<EventAdapter> adapter_;
  TimePoint last_read_ = Clock::now();
  bool subscribed_ = false;
};

}  // namespace mesh::redis
