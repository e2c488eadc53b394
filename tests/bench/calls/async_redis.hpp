#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct redisAsyncContext;

namespace mesh::bench {

/// A connection by way of the asynchronous interface of hiredis, with the smallest event loop that
/// will do. What is sent between two calls of `write()` leaves at once.
class AsyncRedis {
 public:
  explicit AsyncRedis(std::uint16_t port);

  redisAsyncContext* context() const { return context_.get(); }
  int descriptor() const;
  bool has_output() const { return wants_write_; }

  void write();
  void read();

 private:
  struct Free {
    void operator()(redisAsyncContext* context) const;
  };

  void require_open() const;

  std::unique_ptr<redisAsyncContext, Free> context_;
  bool wants_write_ = false;
};

/// The two connections of a process: it publishes on one and is subscribed on the other.
class AsyncPeer {
 public:
  using OnMessage = std::function<void(std::string_view)>;
  static constexpr const char* name = "hiredis";

  AsyncPeer(std::uint16_t port, const std::string& channel);

  void publish(std::string_view channel, std::string_view message);

  /// As `RawPeer::turn()`.
  void turn(const OnMessage& on_message);

 private:
  void wait();
  static void on_push(redisAsyncContext* context, void* reply, void* self);
  static void on_published(redisAsyncContext* context, void* reply, void* self);

  AsyncRedis commands_;
  AsyncRedis subscription_;
  const OnMessage* on_message_ = nullptr;
  bool is_subscribed_ = false;
};

}  // namespace mesh::bench
