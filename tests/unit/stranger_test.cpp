#include <redis/stranger.hpp>

#include <gtest/gtest.h>

#include <string>

namespace mesh::redis {
namespace {

std::string describe(std::string_view bytes) { return describe_stranger("10.0.0.1:80", bytes); }

TEST(Stranger, IsNamedByWhatItSays) {
  const std::string beginning = "what answers at 10.0.0.1:80 is not Redis: ";
  EXPECT_EQ(describe("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n"),
            beginning + "it speaks HTTP, \"HTTP/1.1 400 Bad Request\"");
  EXPECT_EQ(
      describe({"\x15\x03\x01\x00\x02", 5}),
      beginning + "it speaks TLS (RedisOptions::tls is for that), \"\\x15\\x03\\x01\\x00\\x02\"");
  EXPECT_EQ(describe("SSH-2.0-OpenSSH_9.2\r\n"),
            beginning + "it speaks SSH, \"SSH-2.0-OpenSSH_9.2\"");
  EXPECT_EQ(describe("hello"), beginning + "it says \"hello\"");
}

TEST(Stranger, IsQuotedInOneShortLine) {
  const std::string cause = describe(std::string(100'000, '\x7f'));
  EXPECT_LT(cause.size(), 300U);
  EXPECT_EQ(cause.find('\x7f'), std::string::npos);
  EXPECT_EQ(describe("a\nb").find('\n'), std::string::npos);
}

}  // namespace
}  // namespace mesh::redis
