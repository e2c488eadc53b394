#include <redis/raw_reply.hpp>

#include <hiredis/hiredis.h>

#include <cstddef>

namespace mesh::redis {

namespace {

std::string_view text_of(const redisReply* reply) {
  if (reply == nullptr || reply->str == nullptr) return {};
  return {reply->str, static_cast<std::size_t>(reply->len)};
}

}  // namespace

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

}  // namespace mesh::redis
