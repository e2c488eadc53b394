#include <core/recent_ids.hpp>

#include <gtest/gtest.h>

#include <string>

namespace mesh::core {
namespace {

TEST(RecentIds, RemembersUpToItsCapacity) {
  RecentIds ids(3);
  EXPECT_FALSE(ids.contains("a"));
  for (const char* id : {"a", "b", "c"}) ids.add(id);
  for (const char* id : {"a", "b", "c"}) EXPECT_TRUE(ids.contains(id));
  ids.add("d");
  EXPECT_FALSE(ids.contains("a"));
  for (const char* id : {"b", "c", "d"}) EXPECT_TRUE(ids.contains(id));
}

TEST(RecentIds, ARepetitionTakesNoRoom) {
  RecentIds ids(2);
  ids.add("a");
  for (int i = 0; i < 10; ++i) ids.add("b");
  EXPECT_TRUE(ids.contains("a"));
  EXPECT_TRUE(ids.contains("b"));
}

TEST(RecentIds, ForgottenIdsMayComeAgain) {
  RecentIds ids(1);
  ids.add("a");
  ids.add("b");
  ids.add("a");
  EXPECT_TRUE(ids.contains("a"));
  EXPECT_FALSE(ids.contains("b"));
}

TEST(RecentIds, DoesNotGrow) {
  RecentIds ids(10);
  for (int i = 0; i < 1000; ++i) ids.add(std::to_string(i));
  int remembered = 0;
  for (int i = 0; i < 1000; ++i) remembered += ids.contains(std::to_string(i)) ? 1 : 0;
  EXPECT_EQ(remembered, 10);
}

}  // namespace
}  // namespace mesh::core
