#include <redis/slot_map.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace mesh::redis {
namespace {

const Endpoint asked_node{"asked", 7000, {}};

Reply number(std::int64_t value) { return Reply{Reply::Kind::integer, value, "", {}}; }
Reply text(const std::string& value) { return Reply{Reply::Kind::text, 0, value, {}}; }
Reply list(std::vector<Reply> elements) {
  return Reply{Reply::Kind::array, 0, "", std::move(elements)};
}
Reply node(const std::string& host, std::int64_t port) {
  return list({text(host), number(port), text("id"), list({})});
}

std::string primary(const std::vector<Reply>& ranges, std::uint16_t slot) {
  const auto map = SlotMap::parse(list(ranges), asked_node);
  if (!map) return "malformed";
  const Endpoint* const found = map->primary_of(slot);
  return found == nullptr ? "nobody" : to_string(*found);
}

TEST(SlotMap, TellsThePrimaryOfEachSlot) {
  const std::vector<Reply> ranges{list({number(0), number(99), node("a", 1), node("b", 2)}),
                                  list({number(100), number(100), node("c", 3)}),
                                  list({number(200), number(16383), node("a", 1)})};
  EXPECT_EQ(primary(ranges, 0), "a:1");
  EXPECT_EQ(primary(ranges, 99), "a:1");
  EXPECT_EQ(primary(ranges, 100), "c:3");
  EXPECT_EQ(primary(ranges, 101), "nobody");
  EXPECT_EQ(primary(ranges, 199), "nobody");
  EXPECT_EQ(primary(ranges, 200), "a:1");
  EXPECT_EQ(primary(ranges, 16383), "a:1");
  const auto map = SlotMap::parse(list(ranges), asked_node);
  std::string nodes;
  for (const Endpoint& each : map->nodes()) nodes += to_string(each) + " ";
  EXPECT_EQ(nodes, "a:1 b:2 c:3 ");
}

TEST(SlotMap, HostsMayBeLeftOutOrUnknown) {
  EXPECT_EQ(primary({list({number(0), number(9), node("", 5)})}, 0), "asked:5");
  const Reply nil_host = list({Reply{}, number(5)});
  EXPECT_EQ(primary({list({number(0), number(9), nil_host})}, 0), "asked:5");
  EXPECT_EQ(primary({list({number(0), number(9), node("?", 5), node("b", 2)})}, 0), "nobody");
}

TEST(SlotMap, WithoutSlotsNobodyHasAny) { EXPECT_EQ(primary({}, 7), "nobody"); }

TEST(SlotMap, WhatIsMalformedIsNone) {
  EXPECT_FALSE(SlotMap::parse(text("x"), asked_node));
  EXPECT_FALSE(SlotMap::parse(Reply{}, asked_node));
  for (const Reply& range :
       {number(1), list({}), list({number(0), number(1)}),
        list({number(-1), number(1), node("a", 1)}), list({number(2), number(1), node("a", 1)}),
        list({number(0), number(16384), node("a", 1)})}) {
    EXPECT_EQ(primary({range}, 0), "malformed");
  }
  for (const Reply& bad :
       {number(1), list({}), list({text("a")}), node("a", 0), node("a", 65536)}) {
    EXPECT_EQ(primary({list({number(0), number(1), bad})}, 0), "nobody");
  }
}

}  // namespace
}  // namespace mesh::redis
