#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <redis/channel_kind.hpp>
#include <redis/connection.hpp>
#include <redis/reply_reader.hpp>
#include <redis/usual_reply.hpp>

namespace mesh::redis {

/// What is said on one connection, without I/O: commands become bytes to send, received bytes
/// become replies and messages.
class Conversation {
 public:
  explicit Conversation(Connection::Callbacks callbacks, ChannelKind kind = ChannelKind::classic);
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  void command(const Command& command, OutcomeCallback&& callback);
  void publish(std::string_view channel, std::string_view message, OutcomeCallback&& callback);
  void subscribe(const std::string& channel);
  void unsubscribe(const std::string& channel);
  void ping();
  /// Larger messages are passed over.
  void set_largest_message(std::size_t size) { largest_message_ = size; }

  bool has_unanswered() const { return !unanswered_.empty(); }
  std::size_t unanswered_bytes() const { return unanswered_bytes_; }

  /// What has not been taken yet; the caller empties it.
  std::string& output() { return output_; }
  const std::string& output() const { return output_; }

  /// Reports what the bytes complete. Returns why the connection has to end, if it has to.
  std::optional<std::string> receive(std::string_view bytes);

  /// Whether anything was received that Redis may have sent.
  bool has_heard_redis() const { return has_heard_redis_; }

  /// Tells every command that waits for its reply that there will be none. Afterwards nothing is
  /// reported any more. `was_lost`: it was not this side that ended it.
  void end(bool was_lost = false);
  /// After a loss, of the command that may be why; 0 if there is none.
  std::size_t suspect_size() const { return suspect_size_; }

 private:
  struct Unanswered {
    std::size_t size = 0;
    OutcomeCallback callback;
  };

  std::size_t find_suspect() const;
  void expect_reply(std::size_t size, OutcomeCallback&& callback);
  bool take_usual_replies(std::string_view& bytes);
  bool is_oversized(const UsualReply& reply) const;
  void take_oversized(std::string_view& bytes, const UsualReply& message);
  void pass_over(std::string_view& bytes);
  void keep_begun(std::string_view rest);
  std::optional<std::string> take_other_reply();
  Unanswered take_unanswered();
  std::optional<std::string> handle(Reply& reply);
  bool is_pong(const Reply& reply) const;
  std::optional<std::string> take_push(const Reply& push);
  std::optional<std::string> take_unsubscribed(const std::string& channel);

  Connection::Callbacks callbacks_;
  ChannelKind kind_;
  std::string begun_;  // what a usual reply begins with that is not complete
  ReplyReader reader_;
  std::size_t largest_message_ = ReplyScanner::largest_reply;
  std::size_t to_pass_over_ = 0;  // of a message that is larger
  std::deque<Unanswered> unanswered_;
  std::size_t unanswered_bytes_ = 0;
  std::string output_;
  bool subscribed_ = false;
  std::multiset<std::string> unsubscribing_;  // sharded channels for which that was not confirmed
  std::size_t unanswered_pings_ = 0;          // sent since then
  bool has_heard_redis_ = false;
  bool ended_ = false;
  std::size_t suspect_size_ = 0;
};

}  // namespace mesh::redis
