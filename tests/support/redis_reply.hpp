#pragma once

#include <hiredis/hiredis.h>

#include <cstddef>
#include <memory>
#include <string_view>

namespace mesh::test {

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using ReplyPointer = std::unique_ptr<redisReply, FreeReply>;

inline std::string_view text_of(const redisReply& reply) {
  return {reply.str, static_cast<std::size_t>(reply.len)};
}

}  // namespace mesh::test
