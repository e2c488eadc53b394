#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
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

  void command(const Command& command, OutcomeCallback callback);
  void subscribe(const std::string& channel);
  void unsubscribe(const std::string& channel);
  void ping();

  bool has_unanswered() const { return !waiting_.empty(); }
  std::size_t unanswered_bytes() const { return unanswered_bytes_; }

  /// What has not been taken yet; the caller empties it.
  std::string& output() { return output_; }

  /// Reports what the bytes complete. Returns why the connection has to end, if it has to.
  std::optional<std::string> receive(std::string_view bytes);

  /// Tells every command that waits for its reply that there will be none. Afterwards nothing is
  /// reported any more.
  void end();

 private:
  struct FreeReader {
    void operator()(redisReader* reader) const;
  };
  struct FreeReply {
    void operator()(void* reply) const;
  };

  struct Waiting {
    std::size_t size = 0;
    OutcomeCallback callback;
  };

  std::optional<std::string> handle(void* raw_reply);

  Connection::Callbacks callbacks_;
  class ArrayLimit;
  std::unique_ptr<ArrayLimit> array_limit_;  // outlives the reader
  std::unique_ptr<redisReader, FreeReader> reader_;
  std::deque<Waiting> waiting_;
  std::size_t unanswered_bytes_ = 0;
  std::string output_;
  bool subscribed_ = false;
  bool ended_ = false;
};

}  // namespace mesh::redis
