#include <redis/redirection.hpp>

#include <gtest/gtest.h>

#include <string>

namespace mesh::redis {
namespace {

const Endpoint answering_node{"asked", 7000, {}};

Reply error_reply(const std::string& text) { return Reply{Reply::Kind::error, 0, text, {}}; }

/// Such as "3999 host:7001", with "asking" where that is so; empty for none.
std::string parsed(const std::string& text) {
  const auto found = parse_redirection(error_reply(text), answering_node);
  if (!found) return "";
  return std::to_string(found->slot) + " " + to_string(found->target) +
         (found->is_asking ? " asking" : "");
}

TEST(Redirection, SaysWhereTheSlotIs) {
  EXPECT_EQ(parsed("MOVED 3999 127.0.0.1:6381"), "3999 127.0.0.1:6381");
  EXPECT_EQ(parsed("ASK 0 redis.example:1"), "0 redis.example:1 asking");
  EXPECT_EQ(parsed("MOVED 16383 ::1:65535"), "16383 ::1:65535");
}

TEST(Redirection, AHostThatIsLeftOutIsTheOneThatAnswered) {
  EXPECT_EQ(parsed("MOVED 1 :6381"), "1 asked:6381");
  EXPECT_EQ(parsed("MOVED 1 ?:6381"), "1 asked:6381");
}

TEST(Redirection, WhatIsMalformedIsNone) {
  for (const char* text :
       {"MOVED", "MOVED ", "MOVED 1", "MOVED 1 ", "MOVED 16384 a:1", "MOVED -1 a:1", "MOVED x a:1",
        "MOVED 1 a", "MOVED 1 a:", "MOVED 1 a:0", "MOVED 1 a:65536", "MOVED 1 a:x", "moved 1 a:1",
        "MOVEDX 1 a:1", "ERR MOVED 1 a:1", ""}) {
    EXPECT_EQ(parsed(text), "") << text;
  }
  EXPECT_FALSE(parse_redirection(Reply{Reply::Kind::text, 0, "MOVED 1 a:1", {}}, answering_node));
}

TEST(Redirection, OtherAnswersOfAClusterAreTold) {
  EXPECT_TRUE(
      is_cluster_unrest(error_reply("TRYAGAIN Multiple keys request during rehashing of slot")));
  EXPECT_TRUE(is_cluster_unrest(error_reply("CLUSTERDOWN The cluster is down")));
  EXPECT_TRUE(is_cluster_unrest(error_reply("MOVED 1 a:1")));
  EXPECT_FALSE(
      is_cluster_unrest(error_reply("CROSSSLOT Keys in request don't hash to the same slot")));
  EXPECT_TRUE(
      is_from_cluster(error_reply("CROSSSLOT Keys in request don't hash to the same slot")));
  EXPECT_FALSE(is_from_cluster(error_reply("ERR unknown command")));
  EXPECT_FALSE(is_cluster_down(error_reply("TRYAGAIN Multiple keys")));
  EXPECT_FALSE(is_from_cluster(Reply{Reply::Kind::text, 0, "MOVED 1 a:1", {}}));
}

}  // namespace
}  // namespace mesh::redis
