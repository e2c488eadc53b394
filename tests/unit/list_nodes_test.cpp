// The script that reads the list of nodes in parts.
#include <scripts/list_nodes.lua.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <support/redis_server.hpp>

namespace mesh::core {
namespace {

constexpr std::size_t registered_count = 10'000;

void register_nodes(test::RedisServer& server) {
  const std::string now = std::to_string(server.probe().time().count());
  std::vector<std::string> heartbeats{"ZADD", "heartbeats"};
  for (std::size_t id = 1; id <= registered_count; ++id) {
    heartbeats.insert(heartbeats.end(), {now, std::to_string(id)});
  }
  server.command(heartbeats);
}

/// Adds the nodes of a part, and returns where the next one begins.
std::string read_part(test::RedisServer& server, const std::string& part,
                      std::set<std::string>& found) {
  const auto reply = server.command({"EVAL", std::string(scripts::list_nodes), "4", "heartbeats",
                                     "names", "next_id", "changes", "60000", part, "1000"});
  for (std::size_t i = 2; i + 1 < reply.size(); i += 2) {
    found.insert(reply.at(i).get<std::string>());
    EXPECT_EQ(reply.at(i + 1), "unknown");
  }
  return reply.at(0).get<std::string>();
}

TEST(ListNodes, PartsAreAllThatIsRegistered) {
  test::RedisServer server;
  register_nodes(server);
  std::set<std::string> found;
  std::string part = read_part(server, "0", found);
  EXPECT_LT(found.size(), registered_count / 2) << "other work could not go on in between";
  for (int parts = 1; part != "0" && parts < 100; ++parts) part = read_part(server, part, found);
  EXPECT_EQ(found.size(), registered_count);
}

// Each server has its own order.
TEST(ListNodes, AnotherServerBeginsAnew) {
  test::RedisServer first;
  test::RedisServer second;
  register_nodes(first);
  register_nodes(second);
  std::set<std::string> found;
  std::string part = "0";
  for (int parts = 0; parts < 5; ++parts) part = read_part(first, part, found);
  ASSERT_NE(part, "0");
  for (int parts = 0; part != "0" && parts < 100; ++parts) part = read_part(second, part, found);
  EXPECT_EQ(found.size(), registered_count);
}

TEST(ListNodes, WhatIsNoPartIsTheFirst) {
  test::RedisServer server;
  register_nodes(server);
  for (const char* nonsense : {"", "x", "7", "7 ", "-1 abc", "99999999999999999999 abc"}) {
    std::set<std::string> found;
    EXPECT_NE(read_part(server, nonsense, found), "0") << nonsense;
    EXPECT_FALSE(found.empty()) << nonsense;
  }
}

}  // namespace
}  // namespace mesh::core
