#include <redis/usual_reply.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <redis/channel_kind.hpp>
#include <redis/reply_reader.hpp>

namespace mesh::redis {
namespace {

using Kind = UsualReply::Kind;

const std::string message = "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$5\r\nhello\r\n";
const std::string sharded_message = "*3\r\n$8\r\nsmessage\r\n$2\r\nch\r\n$5\r\nhello\r\n";

std::string message_on(ChannelKind kind) {
  return kind == ChannelKind::classic ? message : sharded_message;
}

TEST(UsualReply, AMessageIsRead) {
  const std::string bytes = message + ":1\r\n";
  const UsualReply reply = read_usual_reply(bytes);
  EXPECT_EQ(reply.kind, Kind::message);
  EXPECT_EQ(reply.channel, "ch");
  EXPECT_EQ(reply.payload, "hello");
  EXPECT_EQ(reply.size, message.size());
}

TEST(UsualReply, AShardedMessageIsRead) {
  const std::string bytes = sharded_message + ":1\r\n";
  const UsualReply reply = read_usual_reply(bytes, ChannelKind::sharded);
  EXPECT_EQ(reply.kind, Kind::message);
  EXPECT_EQ(reply.channel, "ch");
  EXPECT_EQ(reply.payload, "hello");
  EXPECT_EQ(reply.size, sharded_message.size());
}

TEST(UsualReply, AMessageOfTheOtherKindIsForHiredis) {
  EXPECT_EQ(read_usual_reply(sharded_message, ChannelKind::classic).kind, Kind::other);
  EXPECT_EQ(read_usual_reply(message, ChannelKind::sharded).kind, Kind::other);
}

TEST(UsualReply, APayloadMayHoldAnything) {
  const std::string payload = std::string("\r\n:1\r\n\0*3", 10);
  const std::string bytes = "*3\r\n$7\r\nmessage\r\n$0\r\n\r\n$10\r\n" + payload + "\r\n";
  const UsualReply reply = read_usual_reply(bytes);
  EXPECT_EQ(reply.kind, Kind::message);
  EXPECT_EQ(reply.channel, "");
  EXPECT_EQ(reply.payload, payload);
}

TEST(UsualReply, AnIntegerIsRead) {
  const UsualReply reply = read_usual_reply(":1234567890123\r\n:2\r\n");
  EXPECT_EQ(reply.kind, Kind::integer);
  EXPECT_EQ(reply.integer, 1234567890123);
  EXPECT_EQ(reply.size, 16U);
}

TEST(UsualReply, EveryBeginningIsAPart) {
  for (const ChannelKind kind : {ChannelKind::classic, ChannelKind::sharded}) {
    for (const std::string& whole : {message_on(kind), std::string(":17\r\n")}) {
      for (std::size_t size = 1; size < whole.size(); ++size) {
        EXPECT_EQ(read_usual_reply(whole.substr(0, size), kind).kind, Kind::part) << size;
      }
    }
  }
}

TEST(UsualReply, AllElseIsForHiredis) {
  for (const char* const other :
       {"+OK\r\n", "-ERR\r\n", "$2\r\nok\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n",
        "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n", "*3\r\n$7\r\nmessage\r\n:1\r\n", ":\r\n",
        ":-1\r\n", ":1\n", ":01\r\n", ":1234567890123456789\r\n",
        "*3\r\n$7\r\nmessage\r\n$-1\r\n$1\r\na\r\n", "*3\r\n$7\r\nmessage\r\n$1\r\nabc", "*03\r\n",
        "nonsense"}) {
    EXPECT_EQ(read_usual_reply(other).kind, Kind::other) << other;
  }
}

// So that its length meets the limits that hold there.
TEST(UsualReply, AChannelWithAnAbsurdNameIsForHiredis) {
  const std::string beginning = "*3\r\n$7\r\nmessage\r\n$";
  EXPECT_EQ(read_usual_reply(beginning + "65536\r\nx").kind, Kind::part);
  EXPECT_EQ(read_usual_reply(beginning + "65537\r\nx").kind, Kind::other);
  EXPECT_EQ(read_usual_reply(beginning + "99999999999\r\n").kind, Kind::other);
}

std::string mutate(std::string bytes, std::minstd_rand& random) {
  constexpr std::string_view characters = "\r\n0123456789:$*-ms";
  const auto below = [&random](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  for (std::size_t changes = below(3); changes > 0; --changes) {
    const std::size_t place = below(bytes.size());
    const char character = characters[below(characters.size())];
    if (below(3) == 0) {
      bytes.erase(place, 1);
    } else if (below(2) == 0) {
      bytes.insert(place, 1, character);
    } else {
      bytes[place] = character;
    }
  }
  return bytes;
}

// Whatever is taken from hiredis must be what hiredis would have made of it.
TEST(UsualReply, HiredisReadsTheSame) {
  std::minstd_rand random(7);
  int taken = 0;
  for (int round = 0; round < 20000; ++round) {
    const auto kind = round % 2 == 0 ? ChannelKind::classic : ChannelKind::sharded;
    const std::string bytes = mutate(round % 8 < 2 ? ":120\r\n" : message_on(kind), random);
    const UsualReply usual = read_usual_reply(bytes, kind);
    if (usual.kind != Kind::message && usual.kind != Kind::integer) continue;
    ++taken;
    ReplyReader reader;
    reader.feed(std::string_view(bytes).substr(0, usual.size));
    const Reply* const reply = reader.next();
    ASSERT_NE(reply, nullptr) << bytes;
    EXPECT_TRUE(reader.is_empty()) << bytes;
    if (usual.kind == Kind::integer) {
      EXPECT_EQ(reply->kind, Reply::Kind::integer);
      EXPECT_EQ(reply->integer, usual.integer) << bytes;
    } else {
      ASSERT_EQ(reply->elements.size(), 3U) << bytes;
      EXPECT_EQ(reply->elements[0].text, words_of(kind).message);
      EXPECT_EQ(reply->elements[1].text, usual.channel) << bytes;
      EXPECT_EQ(reply->elements[2].text, usual.payload) << bytes;
    }
  }
  EXPECT_GT(taken, 2000);
}

}  // namespace
}  // namespace mesh::redis
