#include <redis/conversation.hpp>

#include <hiredis/hiredis.h>

#include <cstddef>
#include <utility>

namespace mesh::redis {

namespace {

std::string_view text_of(const redisReply* reply) {
  if (reply == nullptr || reply->str == nullptr) return {};
  return {reply->str, static_cast<std::size_t>(reply->len)};
}

Reply to_reply(const redisReply& raw) {
  Reply reply;
  switch (raw.type) {
    case REDIS_REPLY_INTEGER:
      reply.kind = Reply::Kind::integer;
      reply.integer = raw.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      reply.kind = Reply::Kind::text;
      reply.text.assign(raw.str, static_cast<std::size_t>(raw.len));
      break;
    case REDIS_REPLY_ERROR:
      reply.kind = Reply::Kind::error;
      reply.text.assign(raw.str, static_cast<std::size_t>(raw.len));
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = Reply::Kind::array;
      reply.elements.reserve(raw.elements);
      for (std::size_t i = 0; i < raw.elements; ++i) {
        reply.elements.push_back(to_reply(*raw.element[i]));
      }
      break;
    default:
      break;
  }
  return reply;
}

// Skips what is neither a message nor the confirmation of a subscription, such as a pong.
void report_push(const redisReply& raw, const Connection::Callbacks& callbacks) {
  if (raw.type != REDIS_REPLY_ARRAY || raw.elements < 3) return;
  const std::string_view kind = text_of(raw.element[0]);
  const std::string_view channel = text_of(raw.element[1]);
  if (kind == "message") {
    if (callbacks.on_message) callbacks.on_message(channel, text_of(raw.element[2]));
  } else if (kind == "subscribe") {
    if (callbacks.on_subscribed) callbacks.on_subscribed(channel);
  }
}

}  // namespace

/// Makes hiredis refuse what it would otherwise allocate memory for: an array is announced with its
/// length long before its elements come.
class Conversation::ArrayLimit {
 public:
  explicit ArrayLimit(redisReader& reader) : original_(*reader.fn), limited_(*reader.fn) {
    limited_.createArray = &create_array;  // the type of the length depends on the version
    reader.fn = &limited_;
    reader.privdata = this;
  }

 private:
  static constexpr std::size_t most_elements = std::size_t{1} << 20U;  // nodes, with two each

  template <typename Length>
  static void* create_array(const redisReadTask* task, Length length) {
    if (static_cast<std::size_t>(length) > most_elements) return nullptr;
    return static_cast<ArrayLimit*>(task->privdata)->original_.createArray(task, length);
  }

  redisReplyObjectFunctions original_;
  redisReplyObjectFunctions limited_;
};

void Conversation::FreeReader::operator()(redisReader* reader) const { redisReaderFree(reader); }

void Conversation::FreeReply::operator()(void* reply) const { freeReplyObject(reply); }

Conversation::Conversation(Connection::Callbacks callbacks)
    : callbacks_(std::move(callbacks)), reader_(redisReaderCreate()) {
  if (reader_) array_limit_ = std::make_unique<ArrayLimit>(*reader_);
}

Conversation::~Conversation() = default;

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
  // Once subscribed, the pong comes as a push, which is skipped.
  if (subscribed_) {
    output_ += ping.bytes();
  } else {
    command(ping, [](const Outcome&) {});
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
    const Waiting answered = std::move(waiting_.front());
    waiting_.pop_front();
    unanswered_bytes_ -= answered.size;
    Reply reply = to_reply(raw);
    if (reply.is_error() && callbacks_.on_error_reply) callbacks_.on_error_reply(reply);
    answered.callback(Outcome{Failure::none, std::move(reply)});
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
  unanswered_bytes_ = 0;
  for (const Waiting& waiting : std::exchange(waiting_, {})) {
    waiting.callback(Outcome{Failure::disconnected});
  }
}

}  // namespace mesh::redis
