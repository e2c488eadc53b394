#include <core/recently_used.hpp>

#include <gtest/gtest.h>

namespace mesh::core {
namespace {

constexpr std::size_t capacity = 100;

TEST(RecentlyUsed, RemembersWhatItWasGiven) {
  RecentlyUsed<int, int> values(capacity);
  EXPECT_EQ(values.find(1), nullptr);
  EXPECT_EQ(values.insert(1, 10), 10);
  ASSERT_NE(values.find(1), nullptr);
  EXPECT_EQ(*values.find(1), 10);
  values.insert(1, 11);
  EXPECT_EQ(*values.find(1), 11);
  EXPECT_EQ(values.size(), 1U);
}

TEST(RecentlyUsed, KeepsWhatIsLookedForHoweverMuchComesBeside) {
  RecentlyUsed<int, int> values(capacity);
  values.insert(-1, 1);
  for (int key = 0; key < 1000; ++key) {
    values.insert(key, key);
    EXPECT_NE(values.find(key), nullptr) << "the newest, " << key;
    ASSERT_NE(values.find(-1), nullptr) << key;
    EXPECT_LE(values.size(), 2 * capacity);
  }
}

TEST(RecentlyUsed, TheLastOnesAreThereInAnyOrder) {
  RecentlyUsed<int, int> values(capacity);
  for (int key = 0; key < 1000; ++key) values.insert(key, key);
  for (int key = 999; key >= 900; --key) EXPECT_NE(values.find(key), nullptr) << key;
  EXPECT_EQ(values.find(0), nullptr);
}

TEST(RecentlyUsed, ForgetsWhatItIsToldToForget) {
  RecentlyUsed<int, int> values(capacity);
  for (int key = 0; key < 150; ++key) values.insert(key, key);
  values.erase(0);    // of the older ones
  values.erase(149);  // of the younger ones
  EXPECT_EQ(values.find(0), nullptr);
  EXPECT_EQ(values.find(149), nullptr);
  EXPECT_EQ(values.size(), 148U);
  values.clear();
  EXPECT_EQ(values.find(50), nullptr);
  EXPECT_EQ(values.size(), 0U);
}

// One that comes anew is not there twice.
TEST(RecentlyUsed, AnOlderOneIsReplaced) {
  RecentlyUsed<int, int> values(capacity);
  for (int key = 0; key < 150; ++key) values.insert(key, key);
  values.insert(0, 7);
  EXPECT_EQ(values.size(), 150U);
  values.erase(0);
  EXPECT_EQ(values.find(0), nullptr);
}

}  // namespace
}  // namespace mesh::core
