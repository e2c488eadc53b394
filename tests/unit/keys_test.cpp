#include <core/keys.hpp>

#include <gtest/gtest.h>

#include <cerrno>

namespace mesh::core {
namespace {

RedisOptions with_prefixes(const std::string& prefix, const std::string& mutex_prefix) {
  RedisOptions options;
  options.application_name = "app";
  options.prefix = prefix;
  options.mutex_prefix = mutex_prefix;
  return options;
}

TEST(Keys, AreThoseOfTheProtocol) {
  const Keys keys(with_prefixes("p", "m"), "k");
  EXPECT_EQ(keys.next_id(), "p:mesh:k:next_id");
  EXPECT_EQ(keys.heartbeats(), "p:mesh:k:heartbeats");
  EXPECT_EQ(keys.nodes(), "p:mesh:k:nodes");
  EXPECT_EQ(keys.broadcast_channel(), "p:mesh:k:broadcast");
  EXPECT_EQ(keys.node_channel(17), "p:mesh:k:node:17");
  EXPECT_EQ(keys.node_channel_prefix(), "p:mesh:k:node:");
  EXPECT_EQ(keys.owner(17), "p:mesh:k:owner:17");
  EXPECT_EQ(keys.owner_prefix(), "p:mesh:k:owner:");
  EXPECT_EQ(keys.leader_lock(), "m:leader:mesh:k");
}

TEST(Keys, FallBackToTheApplicationName) {
  const Keys keys(with_prefixes("", ""), "k");
  EXPECT_EQ(keys.next_id(), "app:mesh:k:next_id");
  EXPECT_EQ(keys.leader_lock(), "app:leader:mesh:k");
}

TEST(Keys, FallBackToTheExecutablesName) {
  RedisOptions options = with_prefixes("", "");
  options.application_name.clear();
  EXPECT_EQ(Keys(options, "k").nodes(),
            std::string(program_invocation_short_name) + ":mesh:k:nodes");
}

}  // namespace
}  // namespace mesh::core
