#include <util/uuid.hpp>

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

namespace mesh {
namespace {

TEST(Uuid, IsAVersion4Uuid) {
  const std::regex pattern("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  UuidGenerator generator;
  for (int i = 0; i < 100; ++i) {
    const std::string uuid = generator.next();
    EXPECT_TRUE(std::regex_match(uuid, pattern)) << uuid;
  }
}

TEST(Uuid, DoesNotRepeatWithinOrAcrossGenerators) {
  std::set<std::string> seen;
  for (int generators = 0; generators < 10; ++generators) {
    UuidGenerator generator;
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(generator.next()).second);
  }
}

}  // namespace
}  // namespace mesh
