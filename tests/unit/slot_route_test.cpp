#include <redis/slot_route.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mesh::redis {
namespace {

constexpr std::uint16_t the_slot = 5;

Endpoint at(const std::string& host) { return Endpoint{host, 1, {}}; }
Reply error(const std::string& text) { return Reply{Reply::Kind::error, 0, text, {}}; }

/// One range of all slots, with the primary first.
SlotMap slots_of(const std::vector<std::string>& hosts) {
  Reply range{Reply::Kind::array, 0, "", {}};
  range.elements.push_back(Reply{Reply::Kind::integer, 0, "", {}});
  range.elements.push_back(Reply{Reply::Kind::integer, 16383, "", {}});
  for (const std::string& host : hosts) {
    range.elements.push_back(
        Reply{Reply::Kind::array,
              0,
              "",
              {Reply{Reply::Kind::text, 0, host, {}}, Reply{Reply::Kind::integer, 1, "", {}}}});
  }
  return SlotMap::parse(Reply{Reply::Kind::array, 0, "", {range}}, at("asked")).value();
}

std::string asked_by(SlotRoute route) {
  std::string text;
  for (const Endpoint& node : route.to_ask()) text += node.host;
  return text;
}

SlotRoute make_route() { return {the_slot, {at("s"), at("t")}}; }

TEST(SlotRoute, BeginsWithTheSeeds) { EXPECT_EQ(asked_by(make_route()), "st"); }

TEST(SlotRoute, AsksWhoWasRightThenTheOthersThenTheSeeds) {
  SlotRoute route = make_route();
  EXPECT_EQ(route.note_slots(slots_of({"a", "b", "t"})), at("a"));
  EXPECT_EQ(asked_by(route), "abts");
  route.note_right(at("t"));
  EXPECT_EQ(asked_by(route), "tabs");
}

TEST(SlotRoute, AnAnswerWithoutThePrimaryChangesNothing) {
  SlotRoute route = make_route();
  const auto map = SlotMap::parse(Reply{Reply::Kind::array, 0, "", {}}, at("s"));
  EXPECT_FALSE(route.note_slots(map.value()));
  EXPECT_EQ(asked_by(route), "st");
}

TEST(SlotRoute, FollowsARedirectionOnce) {
  SlotRoute route = make_route();
  EXPECT_TRUE(route.note_reply(error("MOVED 5 m:1"), at("a")));
  EXPECT_EQ(route.take_redirection(), at("m"));
  EXPECT_FALSE(route.take_redirection());
}

TEST(SlotRoute, OtherAnswersAreNoReasonToGo) {
  SlotRoute route = make_route();
  for (const char* text :
       {"MOVED 6 m:1", "ASK 5 m:1", "TRYAGAIN x", "ERR x", "CROSSSLOT x", "MOVED x"}) {
    EXPECT_FALSE(route.note_reply(error(text), at("a"))) << text;
  }
  EXPECT_FALSE(route.take_redirection());
}

TEST(SlotRoute, WhoFindsTheClusterDownIsAskedLast) {
  SlotRoute route = make_route();
  route.note_slots(slots_of({"a", "b"}));
  route.note_right(at("a"));
  EXPECT_TRUE(route.note_reply(error("MOVED 5 m:1"), at("a")));
  EXPECT_TRUE(route.note_reply(error("CLUSTERDOWN x"), at("a")));
  EXPECT_FALSE(route.take_redirection());
  EXPECT_EQ(asked_by(route), "bsta");
}

TEST(SlotRoute, OfManyNodesSomeAreAskedInTurn) {
  SlotRoute route = make_route();
  std::vector<std::string> hosts;
  for (char host = 'a'; host <= 'r'; ++host) hosts.emplace_back(1, host);
  route.note_slots(slots_of(hosts));
  route.note_right(at("a"));
  route.doubt(at("z"));
  route.note_right(at("a"));
  std::set<std::string> asked;
  for (int i = 0; i < 20; ++i) {
    const auto nodes = route.to_ask();
    EXPECT_LE(nodes.size(), 10U);
    EXPECT_EQ(nodes.front(), at("a"));
    EXPECT_EQ(nodes.back(), at("z"));
    for (const Endpoint& node : nodes) asked.insert(node.host);
  }
  EXPECT_EQ(asked.size(), hosts.size() + 3);  // with the seeds and the one in doubt
}

}  // namespace
}  // namespace mesh::redis
