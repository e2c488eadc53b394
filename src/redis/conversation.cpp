#include <redis/conversation.hpp>

#include <cstddef>
#include <utility>

#include <redis/reply_errors.hpp>

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

void Conversation::command(const Command& command, OutcomeCallback callback) {
  output_ += command.bytes();
  unanswered_bytes_ += command.size();
  waiting_.push_back(Waiting{command.size(), std::move(callback)});
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
  reader_.feed(bytes);
  while (!ended_) {
    Reply* const reply = reader_.next();
    if (reply == nullptr) break;
    if (auto cause = handle(*reply)) return cause;
  }
  if (ended_ || reader_.error().empty()) return std::nullopt;
  return reader_.error();
}

std::optional<std::string> Conversation::handle(Reply& reply) {
  if (!waiting_.empty()) {
    const Waiting answered = std::move(waiting_.front());
    waiting_.pop_front();
    unanswered_bytes_ -= answered.size;
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
  for (const Waiting& waiting : std::exchange(waiting_, {})) {
    waiting.callback(Outcome{Failure::disconnected});
  }
}

}  // namespace mesh::redis
