#include <core/prepared_options.hpp>

#include <gtest/gtest.h>

#include <memory>

#include <support/env_var.hpp>

namespace mesh::core {
namespace {

MeshOptions prepared(const MeshOptions& options) {
  return prepare_options("key", options, std::make_shared<detail::Gate>());
}

TEST(PreparedOptions, HaveAnElectionElsewhereThatGenericVariablesSetForThisMesh) {
  const test::EnvVar generic("REDIS_HOST", "a");
  const test::EnvVar own("MESH_REDIS_URL", "redis://b:1");
  MeshOptions options;
  ASSERT_TRUE(options.leader_redis);
  const MeshOptions as_read = prepared(options);
  ASSERT_TRUE(as_read.leader_redis);
  EXPECT_EQ(as_read.leader_redis->host, "a");
  options.redis.host = "c";
  EXPECT_FALSE(prepared(options).leader_redis);
}

TEST(PreparedOptions, HaveAnElectionElsewhereOnlyForAnotherPlaceOrPrefix) {
  MeshOptions options;
  options.redis.host = "a";
  options.redis.mutex_prefix = "locks";
  options.leader_redis = options.redis;
  EXPECT_FALSE(prepared(options).leader_redis);
  options.leader_redis->mutex_prefix.clear();
  EXPECT_FALSE(prepared(options).leader_redis);
  options.leader_redis->mutex_prefix = "others";
  EXPECT_TRUE(prepared(options).leader_redis);
  options.leader_redis->mutex_prefix.clear();
  options.leader_redis->database = 1;
  EXPECT_TRUE(prepared(options).leader_redis);
}

}  // namespace
}  // namespace mesh::core
