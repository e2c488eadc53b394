#include <support/redis_cluster.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

namespace mesh::test {
namespace {

std::string role_of(RedisServer& server) {
  return server.command({"ROLE"}).at(0).get<std::string>();
}

TEST(RedisCluster, HasThreePrimariesWithReplicas) {
  RedisCluster cluster;
  ASSERT_EQ(cluster.primaries(), 3U);
  ASSERT_EQ(cluster.size(), 6U);
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    EXPECT_EQ(role_of(cluster.server(i)), i < cluster.primaries() ? "master" : "slave");
  }
}

TEST(RedisCluster, CanDoWithoutReplicas) {
  for (const std::size_t primaries : {1U, 2U, 4U}) {
    RedisClusterOptions options;
    options.primaries = primaries;
    options.has_replicas = false;
    RedisCluster cluster(options);
    ASSERT_EQ(cluster.size(), primaries);
    std::set<const RedisServer*> owners;
    for (const int slot : {0, 5000, 9000, 16383}) {
      owners.insert(&cluster.primary_of(static_cast<std::uint16_t>(slot)));
    }
    EXPECT_EQ(owners.size(), primaries);
  }
}

}  // namespace
}  // namespace mesh::test
