#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <redis/connection.hpp>

struct redisReader;

namespace mesh::redis {

/// What is said on one connection, without I/O: commands become bytes to send, received bytes
/// become replies and messages.
class Conversation {
 public:
  explicit Conversation(Connection::Callbacks callbacks);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  void command(std::span<const std::string> arguments, Connection::ReplyCallback callback);
  void subscribe(const std::string& channel);
  void unsubscribe(const std::string& channel);
  void ping();

  bool has_unanswered() const { return !waiting_.empty(); }

  /// What has not been taken yet; the caller empties it.
  std::string& output() { return output_; }

  /// Reports what the bytes complete. Returns why the connection has to end, if it has to.
  std::optional<std::string> receive(std::string_view bytes);

  /// Gives every command that waits for its reply null. Afterwards nothing is reported any more.
  void end();

 private:
  struct FreeReader {
    void operator()(redisReader* reader) const;
  };
  struct FreeReply {
    void operator()(void* reply) const;
  };

  void append(std::span<const std::string> arguments);
  std::optional<std::string> handle(void* raw_reply);

  Connection::Callbacks callbacks_;
  class ArrayLimit;
  std::unique_ptr<ArrayLimit> array_limit_;  // outlives the reader
  std::unique_ptr<redisReader, FreeReader> reader_;
  std::deque<Connection::ReplyCallback> waiting_;
  std::string output_;
  bool subscribed_ = false;
  bool ended_ = false;
};

}  // namespace mesh::redis
