#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct redisContext;
struct redisReply;

namespace mesh::bench {

/// A connection to Redis at its barest. What is written is gathered until `flush()`; what has come
/// is read with one system call.
class RawRedis {
 public:
  using OnReply = std::function<void(const redisReply&)>;

  explicit RawRedis(std::uint16_t port);

  /// Blocks until Redis has confirmed it.
  void subscribe(const std::string& channel);

  void publish(std::string_view channel, std::string_view message);
  void flush();

  void receive(const OnReply& on_reply);

  int descriptor() const;
  bool has_output() const { return written_ < output_.size(); }

 private:
  struct Free {
    void operator()(redisContext* context) const;
  };

  std::unique_ptr<redisContext, Free> context_;
  std::vector<char> input_;
  std::string output_;
  std::size_t written_ = 0;
};

/// The two connections of a process: it publishes on one and is subscribed on the other.
class RawPeer {
 public:
  using OnMessage = std::function<void(std::string_view)>;
  static constexpr const char* name = "floor";

  RawPeer(std::uint16_t port, const std::string& channel);

  void publish(std::string_view channel, std::string_view message) {
    commands_.publish(channel, message);
  }

  /// Writes what was published, waits, and hands over all messages that have come. Throws where a
  /// message was received by another number of clients than one.
  void turn(const OnMessage& on_message);

 private:
  static void require_one_receiver(const redisReply& reply);

  RawRedis commands_;
  RawRedis subscription_;
};

}  // namespace mesh::bench
