#include <redis/slot_table.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mesh::redis {
namespace {

using Place = SlotTable::Place;
constexpr Place nowhere = SlotTable::nowhere;
constexpr std::uint16_t slot_of_first = 7;

Endpoint primary(const std::string& host) { return Endpoint{host, 1, {}}; }

struct RangeOfSlots {
  std::uint16_t from;
  std::uint16_t to;
  std::string host;
};

SlotMap map_of(const std::vector<RangeOfSlots>& ranges) {
  const auto number = [](std::int64_t value) { return Reply{Reply::Kind::integer, value, "", {}}; };
  const auto list = [](std::vector<Reply> elements) {
    return Reply{Reply::Kind::array, 0, "", std::move(elements)};
  };
  std::vector<Reply> all;
  for (const RangeOfSlots& range : ranges) {
    const Reply node = list({Reply{Reply::Kind::text, 0, range.host, {}}, number(1)});
    all.push_back(list({number(range.from), number(range.to), node}));
  }
  return SlotMap::parse(list(all), primary("asked")).value();
}

/// 0 to 99, 100 to 199, and the rest.
SlotMap map_of_three(const std::string& a, const std::string& b, const std::string& c) {
  return map_of({{0, 99, a}, {100, 199, b}, {200, 16383, c}});
}

using Places = std::vector<Place>;

/// The first one is connected to "a", and it is known where the slots are.
class SlotTableTest : public ::testing::Test {
 protected:
  SlotTableTest() {
    table_.note_slots(map_of_three("a", "b", "c"));
    table_.note_connected(SlotTable::first, primary("a"));
  }

  Place add(std::uint16_t slot, const std::string& host) {
    EXPECT_EQ(table_.place_of(slot), nowhere);
    const Place place = table_.add(slot);
    table_.note_connected(place, primary(host));
    return place;
  }

  SlotTable table_{slot_of_first};
};

// Before anything is known -----------------------------------------------------------------------

TEST(SlotTable, TheFirstServesItsSlotFromTheBeginning) {
  const SlotTable table(slot_of_first);
  EXPECT_EQ(table.place_of(slot_of_first), SlotTable::first);
  for (const std::uint16_t other : std::vector<std::uint16_t>{0, 6, 8, 16383})
    EXPECT_EQ(table.place_of(other), nowhere);
}

TEST(SlotTable, UnknownSlotsShareOne) {
  SlotTable table(slot_of_first);
  const Place seeker = table.add(5);
  EXPECT_NE(seeker, SlotTable::first);
  for (const std::uint16_t other : std::vector<std::uint16_t>{0, 5, 8, 16383})
    EXPECT_EQ(table.place_of(other), seeker);
  EXPECT_EQ(table.place_of(slot_of_first), SlotTable::first);
  EXPECT_FALSE(table.is_successor(seeker));
  EXPECT_TRUE(table.superfluous().empty());
}

TEST(SlotTable, OnceTheyAreKnownItServesTheOneOfItsSlot) {
  SlotTable table(slot_of_first);
  const Place seeker = table.add(150);
  table.note_slots(map_of_three("a", "b", "c"));
  EXPECT_EQ(table.place_of(50), SlotTable::first);
  EXPECT_EQ(table.place_of(100), seeker);
  EXPECT_EQ(table.place_of(200), nowhere);
  EXPECT_TRUE(table.superfluous().empty());
  table.note_connected(seeker, primary("b"));
  EXPECT_EQ(table.place_of(100), seeker);
  EXPECT_FALSE(table.is_successor(table.add(200)));
}

TEST(SlotTable, TellsWhetherSomethingIsNews) {
  SlotTable table(slot_of_first);
  EXPECT_TRUE(table.note_slots(map_of_three("a", "b", "c")));
  EXPECT_FALSE(table.note_slots(map_of_three("a", "b", "c")));
  EXPECT_FALSE(table.note_slots(map_of({{0, 99, "a"}})));
  EXPECT_TRUE(table.note_slots(map_of_three("a", "a", "c")));
  EXPECT_TRUE(table.note_slots(map_of_three("a", "d", "c")));
  EXPECT_FALSE(table.note_slots(map_of_three("a", "d", "c")));
}

TEST(SlotTable, OnePrimaryTellsOnlyOfItsOwnSlots) {
  SlotTable table(slot_of_first);
  table.note_slots(map_of_three("a", "b", "c"));
  const Place at_a = table.place_of(0);
  // It is behind: "b" has been replaced by "d" since.
  table.note_slots(map_of_three("a", "d", "c"));
  const Place at_d = table.add(100);
  EXPECT_FALSE(table.note_slots_of(primary("a"), map_of_three("a", "b", "c")));
  EXPECT_EQ(table.place_of(100), at_d);
  // What it gives away, and what it has taken.
  EXPECT_TRUE(table.note_slots_of(primary("a"), map_of({{0, 49, "a"}, {50, 99, "d"}})));
  EXPECT_EQ(table.place_of(49), at_a);
  EXPECT_EQ(table.place_of(50), at_d);
  EXPECT_TRUE(table.note_slots_of(primary("a"), map_of({{0, 49, "a"}, {150, 199, "a"}})));
  EXPECT_EQ(table.place_of(150), at_a);
  EXPECT_EQ(table.place_of(149), at_d);
}

TEST(SlotTable, ASeekerAtThePrimaryOfTheFirstIsSuperfluous) {
  SlotTable table(slot_of_first);
  const Place seeker = table.add(50);
  table.note_slots(map_of_three("a", "b", "c"));
  EXPECT_EQ(table.place_of(50), SlotTable::first);
  EXPECT_EQ(table.superfluous(), Places{seeker});
  table.remove(seeker);
  EXPECT_TRUE(table.superfluous().empty());
  EXPECT_EQ(table.add(150), seeker);
}

TEST(SlotTable, OneThatIsConnectedServesUntilTheFirstIs) {
  SlotTable table(slot_of_first);
  const Place seeker = table.add(50);
  table.note_connected(seeker, primary("a"));
  table.note_slots(map_of_three("a", "b", "c"));
  EXPECT_EQ(table.place_of(50), seeker);
  EXPECT_EQ(table.place_of(slot_of_first), seeker);
  EXPECT_TRUE(table.superfluous().empty());
  table.note_connected(SlotTable::first, primary("a"));
  EXPECT_EQ(table.place_of(50), SlotTable::first);
  EXPECT_EQ(table.superfluous(), Places{seeker});
}

TEST(SlotTable, SlotsThatNobodyHasAreLeftWhereTheyWere) {
  SlotTable table(slot_of_first);
  table.note_slots(map_of({{0, 99, "a"}}));
  const Place seeker = table.add(150);
  EXPECT_EQ(table.place_of(200), seeker);
  table.note_slots(map_of({{200, 300, "c"}}));
  EXPECT_EQ(table.place_of(50), SlotTable::first);
  EXPECT_EQ(table.place_of(199), seeker);
  EXPECT_EQ(table.place_of(200), nowhere);
}

TEST(SlotTable, ALaterSeekerIsNoSuccessor) {
  SlotTable table(slot_of_first);
  table.note_connected(table.add(150), primary("b"));
  EXPECT_EQ(table.place_of(160), nowhere);
  EXPECT_FALSE(table.is_successor(table.add(160)));
}

// What is known ----------------------------------------------------------------------------------

TEST_F(SlotTableTest, SlotsOfAPrimaryShareOne) {
  const Place b = add(150, "b");
  const Place c = add(200, "c");
  for (std::size_t i = 0; i < slot_count; ++i) {
    const Place expected = i < 100 ? SlotTable::first : i < 200 ? b : c;
    ASSERT_EQ(table_.place_of(static_cast<std::uint16_t>(i)), expected) << i;
  }
  EXPECT_TRUE(table_.superfluous().empty());
}

TEST_F(SlotTableTest, ARedirectionIsOfItsSlotOnly) {
  const Place b = add(150, "b");
  table_.note_moved(120, primary("a"));
  table_.note_moved(121, primary("new"));
  EXPECT_EQ(table_.place_of(120), SlotTable::first);
  EXPECT_EQ(table_.place_of(119), b);
  EXPECT_EQ(table_.place_of(121), nowhere);
  const Place fresh = add(121, "new");
  EXPECT_EQ(table_.place_of(121), fresh);
  EXPECT_TRUE(table_.superfluous().empty());
}

TEST_F(SlotTableTest, OneThatHasNotNoticedThatItsSlotMovedServesTheOthers) {
  const Place b = add(150, "b");
  table_.note_moved(150, primary("a"));
  EXPECT_EQ(table_.place_of(150), SlotTable::first);
  EXPECT_EQ(table_.place_of(151), b);
  // It goes where its slot is as soon as it is lost.
  table_.note_lost(b);
  EXPECT_EQ(table_.place_of(151), nowhere);
  EXPECT_EQ(table_.superfluous(), Places{b});
  EXPECT_TRUE(table_.is_successor(table_.add(151)));
}

TEST_F(SlotTableTest, OneThatFollowsItsSlotLeavesTheOthersToANewOne) {
  const Place b = add(150, "b");
  table_.note_moved(150, primary("new"));
  table_.note_lost(b);
  table_.note_connected(b, primary("new"));
  EXPECT_EQ(table_.place_of(150), b);
  EXPECT_EQ(table_.place_of(151), nowhere);
  EXPECT_TRUE(table_.superfluous().empty());
}

TEST_F(SlotTableTest, OfTwoThatAreLostTheOneGoesOnThatServedBefore) {
  const Place c = add(200, "c");
  const Place b = add(150, "b");
  table_.note_lost(b);
  table_.note_lost(c);
  table_.note_slots(map_of_three("a", "b", "b"));
  EXPECT_EQ(table_.place_of(150), b);
  EXPECT_EQ(table_.superfluous(), Places{c});
}

TEST_F(SlotTableTest, WhatIsLostServesAgain) {
  const Place b = add(150, "b");
  table_.note_lost(b);
  EXPECT_EQ(table_.place_of(100), b);
  table_.note_slots(map_of_three("a", "replica", "c"));
  EXPECT_EQ(table_.place_of(100), b);
  table_.note_connected(b, primary("replica"));
  EXPECT_EQ(table_.place_of(100), b);
  EXPECT_TRUE(table_.superfluous().empty());
}

TEST_F(SlotTableTest, TheFirstTakesItsSlotsAlong) {
  table_.note_lost(SlotTable::first);
  table_.note_slots(map_of_three("replica", "b", "c"));
  EXPECT_EQ(table_.place_of(0), SlotTable::first);
  table_.note_connected(SlotTable::first, primary("replica"));
  EXPECT_EQ(table_.place_of(0), SlotTable::first);
}

// As it was replaced in good order.
TEST_F(SlotTableTest, OneAtAPrimaryWithoutSlotsIsSuperfluous) {
  const Place b = add(150, "b");
  table_.note_slots(map_of_three("a", "replica", "c"));
  EXPECT_EQ(table_.place_of(150), nowhere);
  EXPECT_EQ(table_.superfluous(), Places{b});
  const Place successor = table_.add(120);
  EXPECT_TRUE(table_.is_successor(successor));
  EXPECT_EQ(table_.place_of(150), successor);
  // Whatever becomes of the other.
  table_.note_lost(b);
  table_.note_connected(b, primary("replica"));
  EXPECT_EQ(table_.place_of(150), successor);
  table_.remove(b);
  EXPECT_EQ(table_.place_of(150), successor);
}

TEST_F(SlotTableTest, TheFirstIsNeverSuperfluous) {
  table_.note_slots(map_of_three("b", "b", "c"));
  EXPECT_EQ(table_.place_of(0), nowhere);
  // Where it is, is not forgotten, nor taken for another one.
  table_.note_moved(500, primary("new"));
  EXPECT_EQ(table_.place_of(500), nowhere);
  const Place b = add(0, "b");
  EXPECT_TRUE(table_.superfluous().empty());
  table_.note_lost(SlotTable::first);
  EXPECT_EQ(table_.place_of(0), b);
  EXPECT_TRUE(table_.superfluous().empty());
  table_.note_connected(SlotTable::first, primary("b"));
  EXPECT_EQ(table_.place_of(0), SlotTable::first);
  EXPECT_EQ(table_.superfluous(), Places{b});
}

TEST_F(SlotTableTest, WhoHasOneSlotOfAnotherIsASuccessorOnlyIfThatWasServed) {
  table_.note_slots(map_of({{200, 16383, "fresh"}}));
  EXPECT_FALSE(table_.is_successor(add(200, "fresh")));
  table_.note_moved(50, primary("other"));
  EXPECT_TRUE(table_.is_successor(table_.add(50)));
}

// Names of nodes may change often.
TEST_F(SlotTableTest, FormerPrimariesAreForgotten) {
  for (int i = 0; i < 70'000; ++i) {
    table_.note_moved(500, primary("node" + std::to_string(i)));
  }
  const Place place = add(500, "node69999");
  EXPECT_EQ(table_.place_of(501), nowhere);
  EXPECT_EQ(table_.place_of(500), place);
}

// Whatever happens -------------------------------------------------------------------------------

/// A table, and what is expected of it.
class SlotTableWalk {
 public:
  explicit SlotTableWalk(std::uint32_t seed) : random_(seed) {}

  void step() {
    const auto slot = static_cast<std::uint16_t>(pick(slot_count));
    switch (pick(8)) {
      case 0:
        table_.note_moved(slot, primary(host()));
        break;
      case 1:
        table_.note_slots(map_of_three(host(), host(), host()));
        break;
      case 2:
        table_.note_connected(any(), primary(host()));
        break;
      case 3:
        table_.note_lost(any());
        break;
      case 4:
        for (const Place place : table_.superfluous()) {
          table_.remove(place);
          open_.erase(place);
        }
        break;
      default:
        use(slot);
    }
  }

  void check() {
    const auto unused = table_.superfluous();
    const std::set<Place> superfluous(unused.begin(), unused.end());
    EXPECT_FALSE(superfluous.contains(SlotTable::first));
    std::set<Place> serving;
    for (std::size_t slot = 0; slot < slot_count; ++slot) {
      const Place place = table_.place_of(static_cast<std::uint16_t>(slot));
      if (place != nowhere) serving.insert(place);
    }
    for (const Place place : serving) {
      EXPECT_TRUE(open_.contains(place));
      EXPECT_FALSE(superfluous.contains(place));
    }
    // All others may be closed.
    for (const Place place : open_) {
      EXPECT_TRUE(place == SlotTable::first || serving.contains(place) ||
                  superfluous.contains(place));
    }
    EXPECT_LE(serving.size(), hosts + 2);  // with the first and one for what is unknown
  }

 private:
  static constexpr std::size_t hosts = 4;

  std::size_t pick(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }
  std::string host() { return std::string(1, static_cast<char>('a' + pick(hosts))); }
  Place any() {
    const std::vector<Place> places(open_.begin(), open_.end());
    return places[pick(places.size())];
  }
  void use(std::uint16_t slot) {
    if (table_.place_of(slot) != nowhere) return;
    const Place place = table_.add(slot);
    EXPECT_TRUE(open_.insert(place).second);
    EXPECT_EQ(table_.place_of(slot), place);
  }

  std::mt19937 random_;
  SlotTable table_{slot_of_first};
  std::set<Place> open_{SlotTable::first};
};

TEST(SlotTable, NoneIsLeftOverAndNoneThatIsSuperfluousServes) {
  for (std::uint32_t seed = 0; seed < 8; ++seed) {
    SlotTableWalk walk(seed);
    for (int i = 0; i < 60 && !::testing::Test::HasFailure(); ++i) {
      walk.step();
      walk.check();
    }
    ASSERT_FALSE(::testing::Test::HasFailure()) << seed;
  }
}

}  // namespace
}  // namespace mesh::redis
