#include <redis/slot.hpp>

#include <gtest/gtest.h>

#include <string>

#include <support/redis_server.hpp>

namespace mesh::redis {
namespace {

TEST(Slot, OfTheStandardExample) { EXPECT_EQ(slot_of("123456789"), 0x31C3 % slot_count); }

TEST(Slot, IsThatOfRedis) {
  test::RedisServerOptions options;
  options.in_cluster = true;
  const test::RedisServer server(options);
  std::string long_name(1000, 'x');
  for (const std::string& name :
       {std::string(), std::string("a"), std::string("{"), std::string("}"), std::string("{}"),
        std::string("{}a"), std::string("{a}"), std::string("b{a}c"), std::string("b{a"),
        std::string("b}a{c"), std::string("{a}{b}"), std::string("{{a}}"), std::string("a{}{b}"),
        std::string("x\0y", 3), std::string("\xff\xfe"), long_name}) {
    const auto expected = server.probe().integer({"CLUSTER", "KEYSLOT", name});
    EXPECT_EQ(slot_of(name), expected) << name;
  }
}

}  // namespace
}  // namespace mesh::redis
