// On which Redis the leader of a mesh is elected, as the environment says.

#include <mesh/options.hpp>

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <support/env_var.hpp>

namespace mesh {
namespace {

using Variables = std::initializer_list<std::pair<std::string, std::string>>;

MeshOptions options_with(Variables variables) {
  std::vector<std::unique_ptr<test::EnvVar>> set;
  for (const auto& [name, value] : variables) {
    set.push_back(std::make_unique<test::EnvVar>(name, value));
  }
  return {};
}

/// "host:port/database", or nothing where the election is on the mesh's Redis.
std::string election_with(Variables variables) {
  const MeshOptions options = options_with(variables);
  if (!options.leader_redis) return "";
  const RedisOptions& redis = *options.leader_redis;
  const std::string name = redis.sentinel_host.empty()
                               ? redis.host + ":" + std::to_string(redis.port)
                               : redis.sentinel_host;
  return name + "/" + std::to_string(redis.database);
}

TEST(LeaderEnvironment, WithOneAddressTheElectionIsWhereTheMeshIs) {
  EXPECT_EQ(election_with({}), "");
  EXPECT_EQ(election_with({{"REDIS_HOST", "a"}, {"REDIS_PORT", "1"}}), "");
  EXPECT_EQ(election_with({{"MESH_REDIS_HOST", "a"}}), "");
  EXPECT_EQ(election_with({{"MESH_REDIS_URL", "redis://a:1/2"}}), "");
  EXPECT_EQ(election_with({{"MESH_REDIS_HOST", "a"}, {"REDIS_PASSWORD", "secret"}}), "");
  EXPECT_EQ(election_with({{"MUTEX_REDIS_PREFIX", "locks"}, {"REDIS_HOST", "a"}}), "");
}

TEST(LeaderEnvironment, WithTwoAddressesItIsAtTheGenericOneAsForTypeScriptNodes) {
  EXPECT_EQ(election_with({{"REDIS_PORT", "1"}, {"MESH_REDIS_PORT", "2"}}), "127.0.0.1:1/0");
  EXPECT_EQ(election_with({{"REDIS_HOST", "a"}, {"MESH_REDIS_HOST", "b"}}), "a:6379/0");
  EXPECT_EQ(election_with({{"REDIS_HOST", "a"}, {"MESH_REDIS_URL", "redis://b:1/3"}}), "a:6379/0");
  EXPECT_EQ(election_with({{"REDIS_SENTINEL_HOST", "s"}, {"MESH_REDIS_HOST", "b"}}), "s/0");
  EXPECT_EQ(election_with({{"REDIS_HOST", "a"}, {"MESH_REDIS_SENTINEL_HOST", "s"}}), "a:6379/0");
  EXPECT_EQ(election_with({{"REDIS_HOST", "a"},
                           {"REDIS_PORT", "1"},
                           {"MESH_REDIS_HOST", "a"},
                           {"MESH_REDIS_PORT", "2"}}),
            "a:1/0");
  EXPECT_EQ(election_with({{"REDIS_HOST", "a"}, {"REDIS_PORT", "1"}, {"MESH_REDIS_PORT", "2"}}),
            "a:1/0");
  EXPECT_EQ(election_with({{"REDIS_HOST", "a"}, {"REDIS_DB", "3"}, {"MESH_REDIS_HOST", "b"}}),
            "a:6379/3");
  EXPECT_EQ(election_with({{"REDIS_SENTINEL_HOST", "s"},
                           {"REDIS_SENTINEL_NAME", "one"},
                           {"MESH_REDIS_SENTINEL_NAME", "two"}}),
            "s/0");
}

TEST(LeaderEnvironment, TwoAddressesOfTheSamePlaceAreOne) {
  EXPECT_EQ(election_with({{"REDIS_HOST", "a"}, {"MESH_REDIS_HOST", "a"}}), "");
  EXPECT_EQ(election_with({{"REDIS_URL", "redis://a:1/2"},
                           {"MESH_REDIS_HOST", "a"},
                           {"MESH_REDIS_PORT", "1"},
                           {"MESH_REDIS_DB", "2"}}),
            "");
}

TEST(LeaderEnvironment, WhatNamesNoServerThatTypeScriptNodesReadDoesNotCount) {
  for (const auto& [name, value] : Variables{{"REDIS_PORT", "1"},
                                             {"REDIS_DB", "1"},
                                             {"REDIS_URL", "redis://cache:1/2"},
                                             {"REDIS_SENTINEL_PORT", "1"},
                                             {"REDIS_SENTINEL_NAME", "one"},
                                             {"MUTEX_REDIS_DB", "1"},
                                             {"MUTEX_REDIS_SENTINEL_PORT", "1"},
                                             {"MUTEX_REDIS_SENTINEL_NAME", "one"}}) {
    EXPECT_EQ(election_with({{name, value}}), "") << name;
    EXPECT_EQ(election_with({{name, value}, {"MESH_REDIS_HOST", "b"}}), "") << name;
    EXPECT_EQ(election_with({{name, value}, {"MESH_REDIS_URL", "redis://b:2/3"}}), "") << name;
    EXPECT_EQ(election_with({{name, value}, {"MESH_REDIS_SENTINEL_HOST", "s"}}), "") << name;
    EXPECT_EQ(election_with({{name, value}, {"MESH_REDIS_DB", "3"}}), "") << name;
  }
  EXPECT_EQ(election_with({{"MESH_REDIS_PORT", "2"}}), "");
  EXPECT_EQ(election_with({{"REDIS_HOST", "a"}, {"MESH_REDIS_DB", "3"}}), "");
  EXPECT_EQ(election_with({{"REDIS_SENTINEL_NAME", "one"}, {"MESH_REDIS_SENTINEL_NAME", "two"}}),
            "");
  EXPECT_EQ(election_with({{"REDIS_URL", "redis://a:1/2"}, {"MESH_REDIS_URL", "redis://a:1/3"}}),
            "");
  EXPECT_EQ(election_with({{"REDIS_HOST", "a"}, {"MESH_REDIS_URL", "redis://a:6379/3"}}), "");
}

TEST(LeaderEnvironment, GenericVariablesThatMakeNoSenseAreNotForTheElection) {
  const Variables malformed{{"REDIS_URL", "rediss://cache:6379/0?ssl_cert_reqs=none"},
                            {"REDIS_PORT", "x"},
                            {"REDIS_DB", "x"},
                            {"REDIS_TLS", "x"},
                            {"REDIS_USERNAME", "without a password"}};
  for (const auto& [name, value] : malformed) {
    const MeshOptions options = options_with(
        {{name, value}, {"REDIS_HOST", "cache"}, {"MESH_REDIS_URL", "redis://127.0.0.1:6379"}});
    EXPECT_FALSE(options.leader_redis) << name;
    EXPECT_NO_THROW(options.validate()) << name;
  }
}

TEST(LeaderEnvironment, ALinkThatNobodyHasWrittenIsNoSecondAddress) {
  EXPECT_EQ(election_with({{"REDIS_PORT", "tcp://10.0.0.1:6379"}, {"MESH_REDIS_HOST", "a"}}), "");
  EXPECT_EQ(election_with({{"REDIS_PORT", "tcp://10.0.0.1:6379"}, {"MESH_REDIS_PORT", "1"}}), "");
  EXPECT_EQ(election_with({{"REDIS_PORT", "1"}, {"MESH_REDIS_PORT", "tcp://10.0.0.1:6379"}}), "");
}

TEST(LeaderEnvironment, AnAddressForLocksWins) {
  EXPECT_EQ(election_with({{"MUTEX_REDIS_HOST", "a"}}), "a:6379/0");
  EXPECT_EQ(election_with({{"MUTEX_REDIS_PORT", "1"}, {"REDIS_HOST", "a"}}), "a:1/0");
  EXPECT_EQ(election_with({{"MUTEX_REDIS_HOST", "a"},
                           {"REDIS_HOST", "b"},
                           {"MESH_REDIS_HOST", "b"},
                           {"MUTEX_REDIS_DB", "4"}}),
            "a:6379/4");
}

TEST(LeaderEnvironment, TheProgramHasTheLastWord) {
  MeshOptions options = options_with({{"MUTEX_REDIS_PORT", "none"}});
  ASSERT_TRUE(options.leader_redis);
  EXPECT_THROW(options.validate(), std::invalid_argument);
  options.leader_redis->port = 1;
  EXPECT_NO_THROW(options.validate());
  options.leader_redis = RedisOptions();
  options.leader_redis->host.clear();
  EXPECT_THROW(options.validate(), std::invalid_argument);
  options.leader_redis.reset();
  EXPECT_NO_THROW(options.validate());
}

TEST(LeaderEnvironment, WhatGenericVariablesSayIsForTheMeshOfTheEnvironment) {
  const auto is_outdated = [](const MeshOptions& options) {
    return detail::is_outdated_election(*options.leader_redis, options.redis);
  };
  MeshOptions options = options_with({{"REDIS_HOST", "a"}, {"MESH_REDIS_URL", "redis://b:1"}});
  ASSERT_TRUE(options.leader_redis);
  EXPECT_FALSE(is_outdated(options));
  options.redis.prefix = "shop";
  options.redis.password = "secret";
  EXPECT_FALSE(is_outdated(options));
  for (const auto replace : {+[](RedisOptions& redis) { redis.host = "c"; },
                             +[](RedisOptions& redis) { redis.port = 2; },
                             +[](RedisOptions& redis) { redis.unix_socket = "/run/redis.sock"; },
                             +[](RedisOptions& redis) { redis.sentinel_host = "s"; },
                             +[](RedisOptions& redis) { redis = RedisOptions(); }}) {
    MeshOptions replaced = options;
    replace(replaced.redis);
    EXPECT_TRUE(is_outdated(replaced));
    replaced.leader_redis->port = 7;  // the program means it
    EXPECT_FALSE(is_outdated(replaced));
  }
  MeshOptions named = options_with({{"MUTEX_REDIS_HOST", "a"}, {"MESH_REDIS_HOST", "b"}});
  named.redis.host = "c";
  EXPECT_FALSE(is_outdated(named));
}

}  // namespace
}  // namespace mesh
