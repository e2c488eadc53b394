#include <redis/reply_scanner.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mesh::redis {
namespace {

const std::vector<std::string> replies{
    "+OK\r\n",
    "-ERR no\r\n",
    ":-12\r\n",
    "$-1\r\n",
    "$0\r\n\r\n",
    "$5\r\na\r\nb:\r\n",
    "*-1\r\n",
    "*0\r\n",
    "*2\r\n$4\r\npong\r\n$0\r\n\r\n",
    "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n",
    "*4\r\n*2\r\n:1\r\n*0\r\n$3\r\n*1\r\r\n*1\r\n*1\r\n+x\r\n$-1\r\n",
};

std::string all_replies() {
  std::string bytes;
  for (const std::string& reply : replies) bytes += reply;
  return bytes;
}

/// Feeds pieces of that size; returns the sizes of the replies that were found.
std::vector<std::size_t> sizes_found(std::string_view bytes, std::size_t piece) {
  ReplyScanner scanner;
  std::vector<std::size_t> sizes;
  std::size_t size = 0;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    std::string_view rest = bytes.substr(0, piece);
    while (!rest.empty() && scanner.objection().empty()) {
      const std::size_t scanned = scanner.scan(rest);
      rest.remove_prefix(scanned);
      size += scanned;
      if (!scanner.is_between_replies()) continue;
      sizes.push_back(size);
      size = 0;
    }
  }
  EXPECT_EQ(scanner.objection(), "");
  return sizes;
}

TEST(ReplyScanner, FindsTheEndOfEachReplyHoweverTheBytesAreCut) {
  std::vector<std::size_t> expected;
  for (const std::string& reply : replies) expected.push_back(reply.size());
  const std::string bytes = all_replies();
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    EXPECT_EQ(sizes_found(bytes, piece), expected) << "in pieces of " << piece;
  }
}

/// How much is taken of the bytes, which come one by one, before there is an objection.
std::size_t taken_before_objection(ReplyScanner& scanner, std::string_view bytes) {
  std::size_t taken = 0;
  for (const char byte : bytes) {
    if (!scanner.objection().empty()) break;
    taken += scanner.scan(std::string_view(&byte, 1));
  }
  return taken;
}

TEST(ReplyScanner, ObjectsAtTheHeadOfWhatIsTooLarge) {
  for (const std::string head :
       {"$101\r\n", "*2\r\n*2\r\n:1\r\n$101\r\n", "*9\r\n:1\r\n$99999999999\r\n",
        "*2\r\n$50\r\n01234567890123456789012345678901234567890123456789"
        "\r\n$40\r\n"}) {
    ReplyScanner scanner(100);
    EXPECT_EQ(taken_before_objection(scanner, head + "xxxx"), head.size());
    EXPECT_NE(scanner.objection().find("bytes"), std::string::npos) << scanner.objection();
    EXPECT_EQ(scanner.scan("more"), 0U);
  }
}

TEST(ReplyScanner, EachReplyHasTheWholeLimit) {
  ReplyScanner scanner(20);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(scanner.scan("$5\r\nhello\r\n"), 11U);
    EXPECT_TRUE(scanner.is_between_replies());
  }
  EXPECT_EQ(scanner.objection(), "");
}

TEST(ReplyScanner, ObjectsToLinesWithoutEnd) {
  ReplyScanner scanner(1000);
  EXPECT_LE(taken_before_objection(scanner, "+" + std::string(5000, 'x')), 1001U);
  EXPECT_FALSE(scanner.objection().empty());
}

TEST(ReplyScanner, ObjectsToManySmallElements) {
  ReplyScanner scanner(1000);
  std::string bytes = "*100000\r\n";
  for (int i = 0; i < 1000; ++i) bytes += ":1\r\n";
  EXPECT_LE(scanner.scan(bytes), 1001U + 4U);
  EXPECT_FALSE(scanner.objection().empty());
}

TEST(ReplyScanner, ObjectsToWhatIsNotTheProtocol) {
  for (const char* const bytes :
       {"HTTP/1.1 400 Bad Request\r\n", "\r\n", "$x\r\n", "$01\r\n", "$-2\r\n", "$\r\n", "$5x\r\n",
        "*99999999999999999999\r\n", "_\r\n",
        "$000000000000000000000000000000000000000000000001\r\n"}) {
    ReplyScanner scanner;
    scanner.scan(bytes);
    EXPECT_FALSE(scanner.objection().empty()) << bytes;
  }
}

TEST(ReplyScanner, ObjectsToDeepNesting) {
  ReplyScanner scanner;
  for (int i = 0; i < 7; ++i) scanner.scan("*1\r\n");
  EXPECT_EQ(scanner.objection(), "");
  scanner.scan("*1\r\n");
  EXPECT_FALSE(scanner.objection().empty());
}

}  // namespace
}  // namespace mesh::redis
