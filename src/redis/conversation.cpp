#include <redis/conversation.hpp>

#include <array>
#include <cstddef>
#include <utility>

#include <redis/reply_errors.hpp>
#include <redis/usual_reply.hpp>

namespace mesh::redis {

namespace {

// Skips what is neither a message nor the confirmation of a subscription.
void report_push(const Reply& push, const Connection::Callbacks& callbacks) {
  if (push.elements.size() < 3) return;
  const std::string& kind = push.elements[0].text;
  const std::string& channel = push.elements[1].text;
  if (kind == "message") {
    if (callbacks.on_message) callbacks.on_message(channel, push.elements[2].text);
  } else if (kind == "subscribe") {
    if (callbacks.on_subscribed) callbacks.on_subscribed(channel);
  }
}

}  // namespace

Conversation::Conversation(Connection::Callbacks callbacks) : callbacks_(std::move(callbacks)) {}

void Conversation::command(const Command& command, OutcomeCallback&& callback) {
  output_ += command.bytes();
  expect_reply(command.size(), std::move(callback));
}

void Conversation::publish(std::string_view channel, std::string_view message,
                           OutcomeCallback&& callback) {
  const std::array<std::string_view, 3> words{"PUBLISH", channel, message};
  expect_reply(append_command(output_, words), std::move(callback));
}

void Conversation::expect_reply(std::size_t size, OutcomeCallback&& callback) {
  unanswered_bytes_ += size;
  waiting_.push_back(Waiting{size, std::move(callback)});
}

void Conversation::subscribe(const std::string& channel) {
  output_ += Command{"SUBSCRIBE", channel}.bytes();
  subscribed_ = true;
}

void Conversation::unsubscribe(const std::string& channel) {
  output_ += Command{"UNSUBSCRIBE", channel}.bytes();
}

void Conversation::ping() {
  const Command ping{"PING"};
  // Once subscribed, the pong comes as a push.
  output_ += ping.bytes();
  // It must not keep a large command from being sent, so it counts nothing.
  if (subscribed_) {
    ++unanswered_pings_;
  } else {
    waiting_.push_back(Waiting{0, [](const Outcome&) {}});
  }
}

std::optional<std::string> Conversation::receive(std::string_view bytes) {
  if (!begun_.empty()) {
    begun_ += bytes;
    bytes = begun_;
  }
  // Once, since it copies: replies of either sort may take turns.
  bool may_take_back = true;
  while (!ended_) {
    if (reader_.is_empty() && take_usual_replies(bytes)) {
      keep_begun(bytes);
      break;
    }
    reader_.feed(bytes);
    keep_begun({});
    if (auto cause = take_other_replies(may_take_back)) return cause;
    if (!may_take_back || !is_usual_next()) break;
    may_take_back = false;
    begun_ = reader_.take_unread();
    bytes = begun_;
  }
  return std::nullopt;
}

bool Conversation::is_usual_next() const {
  return !ended_ && reader_.is_between_replies() && !reader_.unread().empty() &&
         read_usual_reply(reader_.unread()).kind != UsualReply::Kind::other;
}

// Of what hiredis was fed. Returns why the connection has to end, if it has to.
std::optional<std::string> Conversation::take_other_replies(bool up_to_usual) {
  while (!ended_ && !reader_.is_empty()) {
    Reply* const reply = reader_.next();
    if (reply == nullptr) break;
    if (auto cause = handle(*reply)) return cause;
    if (up_to_usual && is_usual_next()) break;
  }
  if (ended_ || reader_.error().empty()) return std::nullopt;
  return reader_.error();
}

// Removes them from the bytes. Returns whether what is left is the beginning of another one, which
// is not for hiredis.
bool Conversation::take_usual_replies(std::string_view& bytes) {
  while (!ended_ && !bytes.empty()) {
    const UsualReply reply = read_usual_reply(bytes);
    switch (reply.kind) {
      case UsualReply::Kind::message:
        if (!waiting_.empty() || !subscribed_) return false;
        if (callbacks_.on_message) callbacks_.on_message(reply.channel, reply.payload);
        break;
      case UsualReply::Kind::integer:
        if (waiting_.empty()) return false;
        has_heard_redis_ = true;
        take_waiting().callback(
            Outcome{Failure::none, Reply{Reply::Kind::integer, reply.integer, {}, {}}});
        break;
      case UsualReply::Kind::part:
        return true;
      case UsualReply::Kind::other:
        return false;
    }
    bytes.remove_prefix(reply.size);
  }
  return true;
}

// The rest may be a part of what is kept.
void Conversation::keep_begun(std::string_view rest) {
  constexpr std::size_t most_memory = std::size_t{256} << 10U;
  if (begun_.empty()) {
    begun_ = rest;
  } else {
    begun_.erase(0, begun_.size() - rest.size());
  }
  if (begun_.empty() && begun_.capacity() > most_memory) std::string().swap(begun_);
}

Conversation::Waiting Conversation::take_waiting() {
  Waiting waiting = std::move(waiting_.front());
  waiting_.pop_front();
  unanswered_bytes_ -= waiting.size;
  return waiting;
}

std::optional<std::string> Conversation::handle(Reply& reply) {
  has_heard_redis_ = true;
  if (!waiting_.empty()) {
    Waiting answered = take_waiting();
    if (reply.is_error() && callbacks_.on_error_reply) callbacks_.on_error_reply(reply);
    answered.callback(Outcome{Failure::none, std::move(reply)});
    return std::nullopt;
  }
  if (is_pong(reply)) {
    --unanswered_pings_;
    return std::nullopt;
  }
  // Such as that there are too many clients, or that the channel is not permitted.
  if (reply.is_error()) return reply.text;
  if (!subscribed_) return "a reply to nothing that was asked";
  report_push(reply, callbacks_);
  // The memory of usual messages serves for the next one.
  constexpr std::size_t usual_size = std::size_t{64} << 10U;
  if (!reply.elements.empty() && reply.elements.back().text.capacity() > usual_size) reply = {};
  return std::nullopt;
}

// Of a subscribed connection. A Redis that refuses a PING for now has answered as well.
bool Conversation::is_pong(const Reply& reply) const {
  if (unanswered_pings_ == 0) return false;
  if (reply.is_error()) return is_disk_error(reply) || is_passing_refusal(reply);
  return !reply.elements.empty() && reply.elements.front().text == "pong";
}

void Conversation::end() {
  ended_ = true;
  output_.clear();
  unanswered_bytes_ = 0;
  for (Waiting& waiting : std::exchange(waiting_, {})) {
    waiting.callback(Outcome{Failure::disconnected});
  }
}

}  // namespace mesh::redis
