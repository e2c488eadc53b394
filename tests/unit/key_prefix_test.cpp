#include <config/key_prefix.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>
#include <string>

namespace mesh::config {
namespace {

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(KeyPrefix, ThatOfTheExecutableIsDoubtedAndSaysWhatToSet) {
  for (const RedisOptions& options : {RedisOptions(), RedisOptions::from_env("NOBODY_SETS_THIS")}) {
    const std::string of_mesh = doubt_about_mesh(options);
    EXPECT_TRUE(mentions(of_mesh, program_invocation_short_name)) << of_mesh;
    EXPECT_TRUE(mentions(of_mesh, "REDIS_PREFIX")) << of_mesh;
    EXPECT_TRUE(mentions(of_mesh, "RedisOptions::prefix")) << of_mesh;
    EXPECT_TRUE(mentions(of_mesh, "RedisOptions::application_name")) << of_mesh;
    const std::string of_lock = doubt_about_lock(options);
    EXPECT_TRUE(mentions(of_lock, "REDIS_PREFIX")) << of_lock;
    EXPECT_TRUE(mentions(of_lock, "RedisOptions::mutex_prefix")) << of_lock;
  }
}

TEST(KeyPrefix, OneThatWasChosenIsNot) {
  EXPECT_EQ(doubt_about_mesh(RedisOptions::from_env("NOBODY_SETS_THIS", "shop")), "");
  EXPECT_EQ(doubt_about_lock(RedisOptions::from_env("NOBODY_SETS_THIS", "shop")), "");
  RedisOptions named;
  named.application_name = "shop";
  EXPECT_EQ(doubt_about_mesh(named), "");
  RedisOptions prefixed;
  prefixed.prefix = "shop";
  prefixed.mutex_prefix = "shop";
  EXPECT_EQ(doubt_about_mesh(prefixed), "");
}

TEST(KeyPrefix, TheExecutablesNameMayBeChosenAsWell) {
  const RedisOptions options =
      RedisOptions::from_env("NOBODY_SETS_THIS", program_invocation_short_name);
  EXPECT_EQ(doubt_about_mesh(options), "");
}

TEST(KeyPrefix, AMeshWithItsOwnMayStillHaveALockWithout) {
  RedisOptions options;
  options.prefix = "shop";
  EXPECT_EQ(doubt_about_mesh(options), doubt_about_lock(options));
  EXPECT_NE(doubt_about_mesh(options), "");
}

TEST(KeyPrefix, ALockElsewhereIsNotDoubtedForThePrefixThatItHas) {
  RedisOptions mesh;
  mesh.prefix = "shop";
  RedisOptions lock;
  lock.application_name = "does not count";
  EXPECT_EQ(lock_key(mesh, lock, "key"), lock_key(mesh, "key"));
  EXPECT_EQ(doubt_about_mesh(mesh, lock), doubt_about_lock(mesh));
  EXPECT_NE(doubt_about_mesh(mesh, lock), "");
  lock.mutex_prefix = "own";
  EXPECT_EQ(lock_key(mesh, lock, "key"), "own:leader:key");
  EXPECT_EQ(doubt_about_mesh(mesh, lock), "");
  mesh.prefix.clear();
  EXPECT_TRUE(mentions(doubt_about_mesh(mesh, lock), "the prefix of the mesh"));
}

TEST(LockKey, OnAClusterAllKeysOfAnElectionAreInOneSlot) {
  RedisOptions mesh;
  mesh.mutex_prefix = "mesh";
  RedisOptions lock;
  lock.cluster = "one";
  EXPECT_EQ(lock_key(mesh, lock, "key"), "{mesh:leader:key}:lock");
  lock.mutex_prefix = "own";
  EXPECT_EQ(lock_key(mesh, lock, "key"), "{own:leader:key}:lock");
  EXPECT_EQ(lock_key(lock, "key"), "{own:leader:key}:lock");
  EXPECT_THROW(lock_key(lock, "k{ey"), std::invalid_argument);
  lock.mutex_prefix = "o}wn";
  EXPECT_THROW(lock_key(lock, "key"), std::invalid_argument);
  EXPECT_EQ(lock_key(mesh, "k{ey}"), "mesh:leader:k{ey}");
}

}  // namespace
}  // namespace mesh::config
