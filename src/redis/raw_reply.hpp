#pragma once

#include <string_view>

#include <redis/connection.hpp>

struct redisReply;

namespace mesh::redis {

/// A reply as hiredis has read it, as a value.
Reply to_reply(const redisReply& raw);

/// Reports a message or the confirmation of a subscription; skips what is neither, such as a pong.
void report_push(const redisReply& raw, const Connection::Callbacks& callbacks);

}  // namespace mesh::redis
