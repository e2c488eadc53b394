#include <redis/usual_reply.hpp>

#include <charconv>
#include <cstring>

#include <redis/line_end.hpp>

namespace mesh::redis {

namespace {

using Kind = UsualReply::Kind;

class Reader {
 public:
  Reader(std::string_view bytes, ChannelKind kind) : bytes_(bytes), channel_kind_(kind) {}

  UsualReply read() {
    UsualReply reply;
    reply.kind = take_reply(reply);
    reply.size = position_;
    return reply;
  }

 private:
  static constexpr std::size_t most_digits = 18;
  static constexpr std::size_t longest_channel = std::size_t{64} << 10U;

  // Each returns `part` where the bytes end too early, `other` where they are of another kind, and
  // else the kind that was being looked for.

  Kind take_reply(UsualReply& reply) {
    if (bytes_.starts_with(':')) {
      ++position_;
      return take_number(Kind::integer, reply.integer);
    }
    Kind kind = take_beginning();
    std::size_t channel_size = 0;
    if (kind == Kind::message) kind = take_text(reply.channel, channel_size);
    if (channel_size > longest_channel) return Kind::other;
    if (kind == Kind::message) kind = take_text(reply.payload, reply.payload_size);
    return kind;
  }

  // One call for each, so that the compiler knows its size.
  Kind take_beginning() {
    if (channel_kind_ == ChannelKind::classic) {
      return take("*3\r\n$7\r\nmessage\r\n", Kind::message);
    }
    return take("*3\r\n$8\r\nsmessage\r\n", Kind::message);
  }

  Kind take(std::string_view expected, Kind kind) {
    const std::size_t left = bytes_.size() - position_;
    // As usual; its size is known to the compiler.
    if (left >= expected.size() &&
        std::memcmp(bytes_.data() + position_, expected.data(), expected.size()) == 0) {
      position_ += expected.size();
      return kind;
    }
    return take_part(expected);
  }

  Kind take_part(std::string_view expected) {
    const std::string_view found = bytes_.substr(position_, expected.size());
    if (!expected.starts_with(found)) return Kind::other;
    position_ += found.size();
    return Kind::part;
  }

  Kind take_text(std::string_view& text, std::size_t& size) {
    std::int64_t length = 0;
    Kind kind = take("$", Kind::message);
    if (kind == Kind::message) kind = take_number(kind, length);
    if (kind != Kind::message) return kind;
    size = static_cast<std::size_t>(length);
    text = bytes_.substr(position_, size);
    position_ += text.size();
    return text.size() == size ? take(line_end, kind) : Kind::part;
  }

  Kind take_number(Kind kind, std::int64_t& number) {
    const std::string_view most = bytes_.substr(position_, most_digits);
    std::uint64_t value = 0;
    const char* const end = std::from_chars(most.data(), most.data() + most.size(), value).ptr;
    const auto digits = static_cast<std::size_t>(end - most.data());
    number = static_cast<std::int64_t>(value);
    position_ += digits;
    if (position_ == bytes_.size()) return Kind::part;
    // hiredis takes no leading zeros.
    if (digits == 0 || (most.front() == '0' && digits > 1)) return Kind::other;
    return take(line_end, kind);
  }

  std::string_view bytes_;
  ChannelKind channel_kind_;
  std::size_t position_ = 0;
};

}  // namespace

UsualReply read_usual_reply(std::string_view bytes, ChannelKind kind) {
  return Reader(bytes, kind).read();
}

}  // namespace mesh::redis
