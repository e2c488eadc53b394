#include <redis/conversation.hpp>

#include <hiredis/hiredis.h>

#include <utility>

#include <redis/raw_reply.hpp>

namespace mesh::redis {

void Conversation::FreeReader::operator()(redisReader* reader) const { redisReaderFree(reader); }

void Conversation::FreeReply::operator()(void* reply) const { freeReplyObject(reply); }

Conversation::Conversation(Connection::Callbacks callbacks)
    : callbacks_(std::move(callbacks)), reader_(redisReaderCreate()) {}

Conversation::~Conversation() = default;

void Conversation::append(std::span<const std::string> arguments) {
  output_.append("*").append(std::to_string(arguments.size())).append("\r\n");
  for (const std::string& argument : arguments) {
    output_.append("$").append(std::to_string(argument.size())).append("\r\n");
    output_.append(argument).append("\r\n");
  }
}

void Conversation::command(std::span<const std::string> arguments,
                           Connection::ReplyCallback callback) {
  append(arguments);
  waiting_.push_back(std::move(callback));
}

void Conversation::subscribe(const std::string& channel) {
  const std::string arguments[] = {"SUBSCRIBE", channel};
  append(arguments);
  subscribed_ = true;
}

void Conversation::unsubscribe(const std::string& channel) {
  const std::string arguments[] = {"UNSUBSCRIBE", channel};
  append(arguments);
}

void Conversation::ping() {
  const std::string arguments[] = {"PING"};
  // Once subscribed, the pong comes as a push, which is skipped.
  if (subscribed_) {
    append(arguments);
  } else {
    command(arguments, [](Reply*) {});
  }
}

std::optional<std::string> Conversation::receive(std::string_view bytes) {
  if (!reader_) return "out of memory";
  redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
  while (!ended_) {
    void* raw = nullptr;
    if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) return reader_->errstr;
    if (raw == nullptr) return std::nullopt;
    const std::unique_ptr<void, FreeReply> reply(raw);
    if (auto cause = handle(raw)) return cause;
  }
  return std::nullopt;
}

std::optional<std::string> Conversation::handle(void* raw_reply) {
  const auto& raw = *static_cast<const redisReply*>(raw_reply);
  if (!waiting_.empty()) {
    const Connection::ReplyCallback callback = std::move(waiting_.front());
    waiting_.pop_front();
    Reply reply = to_reply(raw);
    callback(&reply);
    return std::nullopt;
  }
  // Such as that there are too many clients, or that the channel is not permitted.
  if (raw.type == REDIS_REPLY_ERROR) return to_reply(raw).text;
  if (!subscribed_) return "a reply to nothing that was asked";
  report_push(raw, callbacks_);
  return std::nullopt;
}

void Conversation::end() {
  ended_ = true;
  output_.clear();
  for (const Connection::ReplyCallback& callback : std::exchange(waiting_, {})) callback(nullptr);
}

}  // namespace mesh::redis
