#include <redis/held_messages.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesh::redis {
namespace {

using Messages = std::vector<std::pair<std::string, std::string>>;

Messages release(HeldMessages& held, std::string_view channel) {
  Messages messages;
  held.release(channel, [&](std::string_view where, std::string_view payload) {
    messages.emplace_back(where, payload);
  });
  return messages;
}

TEST(HeldMessages, AreHandedOnInTheirOrder) {
  HeldMessages held;
  EXPECT_FALSE(held.holds("a"));
  held.hold("a", 100);
  held.hold("b", 100);
  EXPECT_TRUE(held.holds("a"));
  EXPECT_TRUE(held.keep("a", "1"));
  EXPECT_TRUE(held.keep("b", "2"));
  EXPECT_TRUE(held.keep("a", "3"));
  EXPECT_EQ(release(held, "a"), (Messages{{"a", "1"}, {"a", "3"}}));
  EXPECT_FALSE(held.holds("a"));
  EXPECT_EQ(release(held, "a"), Messages{});
  EXPECT_EQ(release(held, "b"), (Messages{{"b", "2"}}));
}

TEST(HeldMessages, AreForgottenWhereTheyAreDropped) {
  HeldMessages held;
  held.hold("a", 100);
  EXPECT_TRUE(held.keep("a", "1"));
  held.drop("a");
  EXPECT_FALSE(held.holds("a"));
  EXPECT_FALSE(held.keep("a", "2"));
  held.hold("a", 100);
  EXPECT_EQ(release(held, "a"), Messages{});
}

TEST(HeldMessages, AreBoundedInBytes) {
  HeldMessages held;
  constexpr std::size_t most = 10 + 2 * sizeof(std::string);
  held.hold("a", most);
  held.hold("b", most);
  EXPECT_TRUE(held.keep("a", std::string(100, 'x'))) << "one may be of any size";
  EXPECT_FALSE(held.keep("b", "y"));
  held.drop("a");
  EXPECT_TRUE(held.keep("b", std::string(6, 'y')));
  EXPECT_TRUE(held.keep("b", std::string(4, 'z')));
  EXPECT_FALSE(held.keep("b", ""));
  EXPECT_EQ(release(held, "b").size(), 2U);
}

TEST(HeldMessages, WhoTakesThemMayHoldAgain) {
  HeldMessages held;
  held.hold("a", 100);
  EXPECT_TRUE(held.keep("a", "1"));
  EXPECT_TRUE(held.keep("a", "2"));
  int taken = 0;
  held.release("a", [&](std::string_view, std::string_view) {
    ++taken;
    held.hold("a", 100);
  });
  EXPECT_EQ(taken, 2);
  EXPECT_TRUE(held.holds("a"));
}

}  // namespace
}  // namespace mesh::redis
