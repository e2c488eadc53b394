#include <redis/sentinel_rotation.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace mesh::redis {
namespace {

Belief heard(std::int64_t epoch, const std::string& master) {
  return Belief{epoch, Endpoint{master, 6379, {}}};
}

TEST(SentinelRotation, EachIsAskedInTurn) {
  SentinelRotation rotation(3);
  EXPECT_EQ(rotation.next(0.5), 1U);
  EXPECT_EQ(rotation.next(0.1), 2U);
  EXPECT_EQ(rotation.next(0.9), 0U);
  EXPECT_EQ(rotation.next(0.9), 1U);
}

TEST(SentinelRotation, NodesBeginWithDifferentOnes) {
  std::set<std::size_t> first;
  for (const double random : {0.0, 0.34, 0.67, 0.999999}) {
    first.insert(SentinelRotation(3).next(random));
  }
  EXPECT_EQ(first, (std::set<std::size_t>{0, 1, 2}));
}

TEST(SentinelRotation, WhatIsOlderThanWhatWasHeardDoesNotCount) {
  SentinelRotation rotation(3);
  EXPECT_TRUE(rotation.note(heard(5, "new")));
  EXPECT_FALSE(rotation.note(heard(4, "old")));
  EXPECT_EQ(rotation.newest(), heard(5, "new"));
  EXPECT_TRUE(rotation.note(heard(5, "new")));
  EXPECT_TRUE(rotation.note(heard(6, "old")));  // which has come back
  EXPECT_FALSE(rotation.note(heard(5, "new")));
  EXPECT_EQ(rotation.newest(), heard(6, "old"));
}

TEST(SentinelRotation, OneThatIsCutOffIsNeverBelieved) {
  SentinelRotation rotation(3);
  rotation.note(heard(5, "new"));
  for (int turn = 0; turn < 10; ++turn) {
    EXPECT_FALSE(rotation.note(heard(4, "old")));
    EXPECT_FALSE(rotation.note(std::nullopt));
    EXPECT_FALSE(rotation.note(std::nullopt));
  }
  for (int turn = 0; turn < 10; ++turn) {
    EXPECT_FALSE(rotation.note(heard(4, "old")));
    EXPECT_FALSE(rotation.note(heard(4, "old")));
    EXPECT_TRUE(rotation.note(heard(5, "new")));
  }
}

TEST(SentinelRotation, OnesThatWereSetUpAnewAreBelievedAfterATurn) {
  SentinelRotation rotation(3);
  rotation.note(heard(5, "before"));
  EXPECT_FALSE(rotation.note(heard(0, "one")));
  EXPECT_FALSE(rotation.note(heard(1, "two")));
  EXPECT_FALSE(rotation.note(heard(0, "one")));
  EXPECT_EQ(rotation.newest(), heard(1, "two"));
  EXPECT_FALSE(rotation.note(heard(0, "one")));
  EXPECT_TRUE(rotation.note(heard(1, "two")));
}

TEST(SentinelRotation, TheSameEpochDoesNotLeadBackToTheMasterBefore) {
  SentinelRotation rotation(3);
  rotation.note(heard(4, "old"));
  EXPECT_TRUE(rotation.note(heard(4, "new")));
  EXPECT_FALSE(rotation.note(heard(4, "old")));
  EXPECT_EQ(rotation.newest(), heard(4, "new"));
}

}  // namespace
}  // namespace mesh::redis
