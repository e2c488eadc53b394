#include <wire/frame.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mesh::wire {
namespace {

std::vector<std::string> messages_of(FrameReader& reader) {
  std::vector<std::string> messages;
  while (const auto message = reader.next()) messages.emplace_back(*message);
  return messages;
}

std::string frame_of(const std::vector<std::string>& messages) {
  FrameWriter writer;
  for (const std::string& message : messages) writer.add(message);
  return std::string(writer.text());
}

// Around each number of bytes that a length takes.
TEST(Frames, HoldTheirMessagesInOrder) {
  std::vector<std::string> messages;
  for (const std::size_t size : {0U, 1U, 127U, 128U, 300U, 16383U, 16384U, 60000U}) {
    messages.emplace_back(size, static_cast<char>('a' + messages.size()));
  }
  const std::string frame = frame_of(messages);
  ASSERT_TRUE(is_frame(frame));
  FrameReader reader(frame);
  EXPECT_EQ(messages_of(reader), messages);
  EXPECT_TRUE(reader.is_at_end());
}

TEST(Frames, OfASingleMessageAreThatMessage) {
  FrameWriter writer;
  writer.add("{}");
  EXPECT_EQ(writer.text(), "{}");
  EXPECT_EQ(writer.messages(), 1U);
  writer.add("[]");
  EXPECT_TRUE(is_frame(writer.text()));
  writer.clear();
  EXPECT_EQ(writer.messages(), 0U);
  writer.add(std::string(500, 'x'));
  EXPECT_EQ(writer.text(), std::string(500, 'x'));
}

TEST(Frames, BeginLikeNoJson) {
  for (const std::string_view json : {"{}", " {}", "\t1", "\"\"", "", "\xEF\xBB\xBF{}"}) {
    EXPECT_FALSE(is_frame(json));
  }
}

TEST(Frames, EndWhereTheyAreBroken) {
  const std::vector<std::string> messages{"{\"a\":1}", std::string(200, 'b'), "{}"};
  const std::string whole = frame_of(messages);
  constexpr std::size_t end_of_first = 1 + 1 + 7;
  constexpr std::size_t end_of_second = end_of_first + 2 + 200;
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const std::string part = whole.substr(0, size);
    FrameReader reader(part);
    const auto found = messages_of(reader);
    EXPECT_EQ(found.size(), size < end_of_first ? 0U : size < end_of_second ? 1U : 2U) << size;
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], messages[i]);
    const bool ends_between = size == 1 || size == end_of_first || size == end_of_second;
    EXPECT_EQ(reader.is_at_end(), ends_between) << size;
  }
}

TEST(Frames, TakeNoLengthsThatNeverEnd) {
  const std::string frame("\x01\xFF\xFF\xFF\xFF\x01{}", 8);
  FrameReader reader(frame);
  EXPECT_EQ(reader.next(), std::nullopt);
  EXPECT_FALSE(reader.is_at_end());
  EXPECT_EQ(reader.next(), std::nullopt);
}

}  // namespace
}  // namespace mesh::wire
