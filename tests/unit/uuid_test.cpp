#include <util/uuid.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <regex>
#include <set>
#include <string>
#include <vector>

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

TEST(Uuid, EveryDigitIsRandomButTheVersionAndTheDashes) {
  UuidGenerator generator;
  std::vector<std::set<char>> seen(36);
  for (int i = 0; i < 2000; ++i) {
    const std::string uuid = generator.next();
    for (std::size_t at = 0; at < seen.size(); ++at) seen[at].insert(uuid.at(at));
  }
  for (std::size_t at = 0; at < seen.size(); ++at) {
    const bool is_fixed = at == 8 || at == 13 || at == 14 || at == 18 || at == 23;
    const std::size_t expected = is_fixed ? 1 : at == 19 ? 4 : 16;
    EXPECT_EQ(seen[at].size(), expected) << at;
  }
}

}  // namespace
}  // namespace mesh
