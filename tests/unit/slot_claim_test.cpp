#include <redis/slot_claim.hpp>

#include <gtest/gtest.h>

#include <string>

namespace mesh::redis {
namespace {

const std::string node_lines =
    "aa 127.0.0.1:7000@17000,host master - 0 1700 3 connected 0-99 200 [300->-bb]\n"
    "bb 127.0.0.1:7001@17001 myself,master - 0 0 9007 connected 100-199 300-16383 [5-<-aa]\n"
    "cc 127.0.0.1:7002@17002 slave aa 0 1700 3 connected\n"
    "dd :0@0 master,noaddr - 1 1 0 disconnected\n";

std::string claim_of(std::uint16_t slot, const std::string& text = node_lines) {
  const auto claim = parse_claim(Reply{Reply::Kind::text, 0, text, {}}, slot);
  if (!claim) return "nobody";
  return claim->node_id + " " + std::to_string(claim->epoch) + (claim->is_own ? " own" : "");
}

TEST(SlotClaim, IsReadFromTheListOfNodes) {
  EXPECT_EQ(claim_of(0), "aa 3");
  EXPECT_EQ(claim_of(99), "aa 3");
  EXPECT_EQ(claim_of(5), "aa 3");
  EXPECT_EQ(claim_of(200), "aa 3");
  EXPECT_EQ(claim_of(100), "bb 9007 own");
  EXPECT_EQ(claim_of(300), "bb 9007 own");
  EXPECT_EQ(claim_of(16383), "bb 9007 own");
  EXPECT_EQ(claim_of(201), "nobody");
}

TEST(SlotClaim, WhatIsMalformedTellsNothing) {
  EXPECT_EQ(claim_of(0, ""), "nobody");
  EXPECT_EQ(claim_of(0, "\n\n   \n"), "nobody");
  EXPECT_EQ(claim_of(0, "aa x master - 0 0 3 connected"), "nobody");
  EXPECT_EQ(claim_of(0, "aa x master - 0 0 3 connected 0-x 1- -1 0-16384"), "nobody");
  EXPECT_FALSE(parse_claim(Reply{Reply::Kind::error, 0, node_lines, {}}, 0));
}

TEST(SlotClaim, OnlyAnotherNodesNewerClaimOutdatesOne) {
  const SlotClaim claim{"aa", 3, true};
  EXPECT_TRUE(is_outdated(claim, {"bb", 4, true}));
  EXPECT_FALSE(is_outdated(claim, {"bb", 3, true}));
  EXPECT_FALSE(is_outdated(claim, {"bb", 2, true}));
  EXPECT_FALSE(is_outdated(claim, {"aa", 4, false}));
}

}  // namespace
}  // namespace mesh::redis
