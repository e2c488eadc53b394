#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <redis/channel_kind.hpp>

namespace mesh::redis {

/// One of the two replies that a busy connection gets by the thousand, as slices of what was
/// received: a message on a channel, or how many have received one that was published.
struct UsualReply {
  enum class Kind {
    message,
    integer,
    part,   ///< The beginning of a message or an integer; the rest has not come yet.
    other,  ///< For hiredis to read, whatever it is.
  };

  Kind kind = Kind::other;
  std::size_t size = 0;  ///< in bytes
  std::string_view channel{};
  std::string_view payload{};  ///< As much of it as has come.
  std::size_t payload_size = 0;
  std::int64_t integer = 0;
};

/// What the bytes begin with; messages are those on channels of this kind. Of a `part` the fields
/// are set that have come.
UsualReply read_usual_reply(std::string_view bytes, ChannelKind kind = ChannelKind::classic);

}  // namespace mesh::redis
