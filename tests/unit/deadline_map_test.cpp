#include <core/deadline_map.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <unit/virtual_time.hpp>

namespace mesh::core {
namespace {

using namespace std::chrono_literals;
using Map = DeadlineMap<std::string, int>;

TEST(DeadlineMap, EmptyHasNothing) {
  Map map;
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(map.find("a"), nullptr);
  EXPECT_EQ(map.next_deadline(), std::nullopt);
  EXPECT_EQ(map.first_due(start + 1h), std::nullopt);
  EXPECT_FALSE(map.extract("a"));
  EXPECT_FALSE(map.move_deadline("a", start));
  EXPECT_TRUE(map.drain().empty());
}

TEST(DeadlineMap, FindsWhatWasInserted) {
  Map map;
  EXPECT_TRUE(map.insert("a", 1, start));
  ASSERT_NE(map.find("a"), nullptr);
  EXPECT_EQ(*map.find("a"), 1);
  EXPECT_EQ(map.find("b"), nullptr);
  EXPECT_EQ(map.size(), 1U);
}

TEST(DeadlineMap, ATakenKeyIsLeftAlone) {
  Map map;
  ASSERT_TRUE(map.insert("a", 1, start + 1s));
  EXPECT_FALSE(map.insert("a", 2, start));
  EXPECT_EQ(*map.find("a"), 1);
  EXPECT_EQ(map.next_deadline(), start + 1s);
  EXPECT_EQ(map.size(), 1U);
}

TEST(DeadlineMap, ExtractTakesOut) {
  Map map;
  map.insert("a", 1, start);
  EXPECT_EQ(*map.extract("a"), 1);
  EXPECT_FALSE(map.extract("a"));
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.next_deadline(), std::nullopt);
  EXPECT_TRUE(map.insert("a", 2, start));
}

TEST(DeadlineMap, WhatWasTakenOutIsDestroyedWhileItsMemoryServesForTheNext) {
  DeadlineMap<std::string, std::shared_ptr<int>> map;
  auto first = std::make_shared<int>(1);
  const auto second = std::make_shared<int>(2);
  map.insert("a", std::shared_ptr(first), start + 1s);
  const void* const memory = map.find("a");
  {
    const auto taken = map.extract("a");
    ASSERT_TRUE(taken);
    EXPECT_EQ(first.use_count(), 2);
  }
  EXPECT_EQ(first.use_count(), 1);
  map.insert("b", std::shared_ptr(second), start + 2s);
  EXPECT_EQ(map.find("b"), memory);
  EXPECT_EQ(map.find("a"), nullptr);
  EXPECT_EQ(map.next_deadline(), start + 2s);
  // It is not lost where the key turns out to be taken.
  map.insert("c", std::shared_ptr(first), start);
  const void* const next_memory = map.find("c");
  map.extract("c");
  EXPECT_EQ(map.insert("b", std::shared_ptr(first), start), nullptr);
  EXPECT_EQ(*map.find("b"), second);
  map.insert("d", std::shared_ptr(first), start + 3s);
  EXPECT_EQ(map.find("d"), next_memory);
  EXPECT_EQ(map.size(), 2U);
}

TEST(DeadlineMap, FirstDueIsTheEarliestAtOrBeforeNow) {
  Map map;
  map.insert("late", 1, start + 3s);
  map.insert("early", 2, start + 1s);
  map.insert("middle", 3, start + 2s);
  EXPECT_EQ(map.next_deadline(), start + 1s);
  EXPECT_EQ(map.first_due(start), std::nullopt);
  EXPECT_EQ(map.first_due(start + 1s - 1ns), std::nullopt);
  EXPECT_EQ(map.first_due(start + 1s), "early");
  EXPECT_EQ(map.first_due(start + 1h), "early");
  EXPECT_EQ(map.size(), 3U);
}

TEST(DeadlineMap, MovedDeadlinesCount) {
  Map map;
  map.insert("a", 1, start + 1s);
  map.insert("b", 2, start + 2s);
  EXPECT_TRUE(map.move_deadline("a", start + 3s));
  EXPECT_EQ(map.next_deadline(), start + 2s);
  EXPECT_EQ(map.first_due(start + 2s), "b");
  EXPECT_TRUE(map.move_deadline("a", start));
  EXPECT_EQ(map.first_due(start), "a");
  EXPECT_EQ(*map.find("a"), 1);
}

TEST(DeadlineMap, EqualDeadlinesAreKeptApart) {
  Map map;
  map.insert("a", 1, start);
  map.insert("b", 2, start);
  EXPECT_EQ(*map.extract("a"), 1);
  EXPECT_EQ(map.first_due(start), "b");
}

TEST(DeadlineMap, DrainTakesEverythingEarliestFirst) {
  Map map;
  map.insert("c", 3, start + 3s);
  map.insert("a", 1, start + 1s);
  map.insert("b", 2, start + 2s);
  EXPECT_EQ(map.drain(), (std::vector<int>{1, 2, 3}));
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.next_deadline(), std::nullopt);
}

TEST(DeadlineMap, HoldsValuesThatCannotBeCopied) {
  DeadlineMap<int, std::unique_ptr<int>> map;
  EXPECT_TRUE(map.insert(1, std::make_unique<int>(5), start));
  EXPECT_EQ(**map.find(1), 5);
  EXPECT_EQ(**map.extract(1), 5);
}

TEST(DeadlineMap, AgreesWithASimpleModel) {
  std::mt19937 random(7);
  DeadlineMap<int, int> map;
  std::map<int, std::pair<int, Map::TimePoint>> model;
  for (int step = 0; step < 20000; ++step) {
    const int key = static_cast<int>(random() % 64);
    const auto deadline = start + std::chrono::milliseconds(random() % 1000);
    switch (random() % 4) {
      case 0:
        EXPECT_EQ(map.insert(key, int{step}, deadline) != nullptr,
                  model.try_emplace(key, step, deadline).second);
        break;
      case 1:
        EXPECT_EQ(map.move_deadline(key, deadline), model.contains(key));
        if (model.contains(key)) model[key].second = deadline;
        break;
      case 2: {
        const auto value = map.extract(key);
        ASSERT_EQ(static_cast<bool>(value), model.contains(key));
        if (value) {
          EXPECT_EQ(*value, model[key].first);
        }
        model.erase(key);
        break;
      }
      default: {
        const auto due = map.first_due(deadline);
        const auto earliest = std::ranges::min_element(
            model, {}, [](const auto& entry) { return entry.second.second; });
        const bool expected = earliest != model.end() && earliest->second.second <= deadline;
        ASSERT_EQ(due.has_value(), expected);
        if (due) {
          EXPECT_EQ(model.at(*due).second, earliest->second.second);
        }
      }
    }
    ASSERT_EQ(map.size(), model.size());
  }
}

}  // namespace
}  // namespace mesh::core
