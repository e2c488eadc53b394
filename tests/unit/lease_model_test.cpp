#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <unit/lease_explorer.hpp>
#include <unit/lease_model.hpp>

namespace mesh::leader::model {
namespace {

constexpr Duration redis_tick = 5ms;
// A lease counts on a clock that runs no slower than this beside that of Redis.
constexpr Duration slow_tick = redis_tick * 19 / 20;
constexpr Duration fast_tick = redis_tick * 21 / 20;
constexpr Duration too_slow_tick = redis_tick * 18 / 20;

Settings settings(std::vector<Duration> ticks) {
  Settings result;
  result.options.ttl = 20ms;
  result.options.renewal_interval = 8ms;
  result.options.retry_delay = 5ms;
  result.ticks = std::move(ticks);
  result.tick = redis_tick;
  return result;
}

void expect_no_violation(const Settings& some, std::size_t limit) {
  const Finding finding = Explorer(some, limit).explore();
  EXPECT_EQ(finding.violation, "");
  std::cout << finding.states << " states up to " << finding.depth << " steps"
            << (finding.complete ? ", all there are" : "") << "\n";
  EXPECT_TRUE(finding.complete || finding.states >= limit);
}

TEST(LeaseModel, TwoContendersWithSlowClocks) {
  expect_no_violation(settings({slow_tick, slow_tick}), 120'000);
}

TEST(LeaseModel, TwoContendersWhoseClocksRunApart) {
  expect_no_violation(settings({slow_tick, fast_tick}), 120'000);
}

TEST(LeaseModel, ThreeContenders) {
  expect_no_violation(settings({slow_tick, redis_tick, fast_tick}), 120'000);
}

TEST(LeaseModel, RedisThatLosesItsData) {
  Settings some = settings({slow_tick, fast_tick});
  some.loses_data = true;
  expect_no_violation(some, 240'000);
}

TEST(LeaseModel, ATypeScriptNodeAmongThem) {
  Settings some = settings({slow_tick, fast_tick});
  some.typescript = 1;
  some.looks = true;
  expect_no_violation(some, 120'000);
}

TEST(LeaseModel, ATypeScriptNodeAmongThemAndRedisLosesItsData) {
  Settings some = settings({redis_tick, slow_tick, fast_tick});
  some.typescript = 1;
  some.loses_data = true;
  expect_no_violation(some, 240'000);
}

TEST(LeaseModel, TwoContendersThatLook) {
  Settings some = settings({slow_tick, fast_tick});
  some.looks = true;
  expect_no_violation(some, 120'000);
}

/// The model can fail.
TEST(LeaseModel, FindsTheFlawWhereAClockIsSlowerThanTheMarginAllows) {
  const Finding finding = Explorer(settings({too_slow_tick, redis_tick}), 120'000).explore();
  EXPECT_NE(finding.violation, "");
}

TEST(LeaseModel, FindsTwoHoldersWhereNobodyWaitsAfterALoss) {
  Settings some = settings({redis_tick, redis_tick});
  some.loses_data = true;
  some.options.wait_after_data_loss = false;
  const Finding finding = Explorer(some, 120'000).explore();
  EXPECT_TRUE(finding.violation.starts_with("two holders")) << finding.violation;
}

struct Walk {
  std::size_t steps = 0;
  std::size_t held = 0;  // so many of them
  std::string violation;
};

Walk walk(const Settings& some) {
  std::mt19937 random(20240907);
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  const auto moves = all_moves(some.ticks.size());
  constexpr std::size_t steps = 300'000;
  Walk walk;
  World world(some);
  while (walk.steps < steps && walk.violation.empty()) {
    const Move move = moves[below(moves.size())];
    const bool is_rare = move.event == Event::disconnect || move.event == Event::resign ||
                         move.event >= Event::lose_data;
    if (!world.is_possible(move) || (is_rare && below(20) != 0)) continue;
    if (move.event == Event::tick) {
      // No clock is slower than allowed at any time.
      const Duration passed = std::chrono::microseconds(100 + 100 * below(40));
      std::vector<Duration> ticks;
      for (std::size_t i = 0; i < some.ticks.size(); ++i) {
        ticks.push_back(passed * static_cast<Duration::rep>(950 + below(101)) / 1000);
      }
      world.advance(passed, ticks);
    } else {
      world.make(move);
    }
    walk.violation = world.check();
    if (walk.violation.empty() && walk.steps % 64 == 0) walk.violation = world.check_progress();
    walk.held += world.holder() ? 1 : 0;
    ++walk.steps;
  }
  return walk;
}

void expect_good_walk(const Settings& some) {
  const Walk done = walk(some);
  EXPECT_EQ(done.violation, "") << "in step " << done.steps;
  EXPECT_GT(done.held, done.steps / 20);  // the world is not so harsh that nothing happens
}

TEST(LeaseModel, ALongWalk) { expect_good_walk(settings({redis_tick, redis_tick, redis_tick})); }

TEST(LeaseModel, ALongWalkWithLossOfData) {
  Settings some = settings({redis_tick, redis_tick, redis_tick});
  some.loses_data = true;
  expect_good_walk(some);
}

TEST(LeaseModel, ALongWalkOfContendersThatLook) {
  Settings some = settings({redis_tick, redis_tick, redis_tick});
  some.looks = true;
  expect_good_walk(some);
  some.loses_data = true;
  expect_good_walk(some);
}

TEST(LeaseModel, FindsTwoHoldersWhereAnothersLockCountsAsTheEndOfAllBefore) {
  Settings some = settings({redis_tick, redis_tick, redis_tick});
  some.typescript = 1;
  some.loses_data = true;
  some.accounts_for_others = false;
  EXPECT_EQ(walk(some).violation, "two holders");
}

TEST(LeaseModel, ALongWalkWithATypeScriptNode) {
  Settings some = settings({redis_tick, redis_tick, redis_tick});
  some.typescript = 1;
  some.looks = true;
  expect_good_walk(some);
  some.loses_data = true;
  expect_good_walk(some);
}

}  // namespace
}  // namespace mesh::leader::model
