#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/support/election_test.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test {
namespace {

LeaderOptions waiting(LeaderOptions options) {
  options.wait_after_data_loss = true;
  return options;
}

class Elections : public ElectionTest {};

TEST_F(Elections, ElectsOneOfThree) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    std::vector<std::unique_ptr<Contender>> contenders;
    for (int i = 0; i < 3; ++i) {
      contenders.push_back(
          std::make_unique<Contender>(executor, key(), redis().options(), enduring()));
      contenders.back()->service.start();
    }
    const auto leaders = [&] {
      return std::ranges::count_if(
          contenders, [](const auto& contender) { return contender->service.is_leader(); });
    };
    const auto one_leads = [&] { return leaders() == 1; };
    EXPECT_TRUE(co_await eventually(one_leads));
    EXPECT_TRUE(co_await holds_for(one_leads, 500ms));
    for (const auto& contender : contenders) {
      const auto expected = contender->service.is_leader() ? std::vector<std::string>{"became"}
                                                           : std::vector<std::string>{};
      EXPECT_EQ(contender->events, expected);
    }
    for (const auto& contender : contenders) co_await contender->service.stop();
    EXPECT_FALSE(election_probe().exists(election_lock()));
  });
}

TEST_F(Elections, HoldsALockWithAUuidAndATimeToLive) {
  run_coroutine([&]() -> asio::awaitable<void> {
    RedisOptions elsewhere = redis().admin_options();
    elsewhere.prefix = "not-for-locks";
    elsewhere.mutex_prefix = "locks";
    Contender a(co_await asio::this_coro::executor, key(), elsewhere, enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    const std::string lock = election_lock("locks");
    RedisProbe probe_of_lock = probe().at_primary_of(lock);
    const auto value = probe_of_lock.get(lock);
    CO_ASSERT_TRUE(value);
    const std::regex uuid("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
    EXPECT_TRUE(std::regex_match(*value, uuid)) << *value;
    const auto left = probe_of_lock.integer({"PTTL", lock});
    EXPECT_GT(left, 0);
    EXPECT_LE(left, 60000);
    co_await a.service.stop();
  });
}

TEST_F(Elections, ElectionsWithDifferentKeysAreIndependent) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    LogCapture log;
    LeaderService one(executor, "one", enduring(), redis().options(), log.sink());
    LeaderService two(executor, "two", enduring(), redis().options(), log.sink());
    one.start();
    two.start();
    EXPECT_TRUE(co_await becomes_leader(one));
    EXPECT_TRUE(co_await becomes_leader(two));
    co_await one.stop();
    co_await two.stop();
  });
}

TEST_F(Elections, RenewalKeepsTheLock) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Contender a(co_await asio::this_coro::executor, key(), redis().options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    const auto token = a.service.fencing_token();
    for (int i = 0; i < 3; ++i) {
      std::int64_t least = election_probe().integer({"PTTL", election_lock()});
      const auto is_prolonged = [&] {
        const auto left = election_probe().integer({"PTTL", election_lock()});
        if (left > least + 50) return true;
        least = std::min(least, left);
        return false;
      };
      EXPECT_TRUE(co_await eventually(is_prolonged));
    }
    EXPECT_TRUE(a.service.is_leader());
    EXPECT_EQ(a.service.fencing_token(), token);
    EXPECT_EQ(a.events, std::vector<std::string>{"became"});
    co_await a.service.stop();
  });
}

// Handing over ------------------------------------------------------------------------------------

TEST_F(Elections, StopHandsOverLongBeforeTheLockRunsOut) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Contender a(executor, key(), redis().options(), enduring());
    Contender b(executor, key(), redis().options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    b.service.start();
    const auto begin = std::chrono::steady_clock::now();
    co_await a.service.stop();
    EXPECT_FALSE(a.service.is_leader());
    EXPECT_EQ(a.events, (std::vector<std::string>{"became", "lost"}));
    EXPECT_TRUE(co_await becomes_leader(b.service));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 25s);
    co_await b.service.stop();
  });
}

TEST_F(Elections, TheLostCallbackEndsBeforeTheLockIsReleased) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    LeaderService service(co_await asio::this_coro::executor, key(), enduring(), redis().options(),
                          log.sink());
    std::vector<bool> locked;
    bool was_leader = true;
    service.set_lost_leader_callback([&]() -> asio::awaitable<void> {
      was_leader = service.is_leader();
      locked.push_back(election_probe().exists(election_lock()));
      co_await sleep_for(200ms);
      locked.push_back(election_probe().exists(election_lock()));
    });
    service.start();
    EXPECT_TRUE(co_await becomes_leader(service));
    co_await service.stop();
    EXPECT_EQ(locked, (std::vector<bool>{true, true}));
    EXPECT_FALSE(was_leader);
    EXPECT_FALSE(election_probe().exists(election_lock()));
  });
}

TEST_F(Elections, TheLockOfALeaderThatVanishedRunsOut) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    auto a = std::make_unique<Contender>(executor, key(), redis().options(), quick());
    Contender b(executor, key(), redis().options(), quick());
    a->service.start();
    EXPECT_TRUE(co_await becomes_leader(a->service));
    b.service.start();
    const auto value = election_probe().get(election_lock());
    a.reset();
    while (!b.service.is_leader()) {
      // Read in this order, one of the two must be true.
      const auto holder = election_probe().get(election_lock());
      if (holder == value) {
        EXPECT_FALSE(b.service.is_leader());
      }
      co_await sleep_for(2ms);
    }
    EXPECT_NE(election_probe().get(election_lock()), value);
    co_await b.service.stop();
  });
}

TEST_F(Elections, CanBeStartedAgain) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Contender a(co_await asio::this_coro::executor, key(), redis().options(), enduring());
    std::set<std::string> values;
    co_await a.service.stop();  // does nothing
    for (int round = 0; round < 2; ++round) {
      a.service.start();
      EXPECT_THROW(a.service.start(), MeshAlreadyRunningError);
      EXPECT_TRUE(co_await becomes_leader(a.service));
      EXPECT_THROW(a.service.start(), MeshAlreadyRunningError);
      values.insert(election_probe().text({"GET", election_lock()}));
      co_await a.service.stop();
      co_await a.service.stop();
      EXPECT_FALSE(a.service.is_leader());
      EXPECT_FALSE(election_probe().exists(election_lock()));
    }
    // So that a release of the first time that comes late does not free the lock.
    EXPECT_EQ(values.size(), 2U);
    EXPECT_EQ(a.events, (std::vector<std::string>{"became", "lost", "became", "lost"}));
  });
}

TEST_F(Elections, AFollowerStopsQuietly) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Contender a(executor, key(), redis().options(), enduring());
    Contender b(executor, key(), redis().options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    b.service.start();
    co_await sleep_for(50ms);
    co_await b.service.stop();
    EXPECT_TRUE(b.events.empty());
    EXPECT_TRUE(a.service.is_leader());
    EXPECT_TRUE(election_probe().exists(election_lock()));
    co_await a.service.stop();
  });
}

TEST_F(Elections, StartAndStopRightAfterEachOther) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Contender a(co_await asio::this_coro::executor, key(), redis().options(), enduring());
    for (int round = 0; round < 20; ++round) {
      a.service.start();
      co_await a.service.stop();
    }
    EXPECT_FALSE(a.service.is_leader());
    const auto is_free = [&] { return !election_probe().exists(election_lock()); };
    EXPECT_TRUE(is_free());
  });
}

// Fencing tokens ----------------------------------------------------------------------------------

TEST_F(Elections, FencingTokensGrowFromTermToTerm) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Contender a(executor, key(), redis().options(), enduring());
    Contender b(executor, key(), redis().options(), enduring());
    std::int64_t last = 0;
    for (int round = 0; round < 6; ++round) {
      Contender& contender = round % 2 == 0 ? a : b;
      EXPECT_EQ(contender.service.fencing_token(), 0);
      contender.service.start();
      EXPECT_TRUE(co_await becomes_leader(contender.service));
      const auto token = contender.service.fencing_token();
      EXPECT_GT(token, last);
      last = token;
      co_await contender.service.stop();
      EXPECT_EQ(contender.service.fencing_token(), 0);
      if (round >= 3) election_probe().command({"FLUSHALL"});
    }
  });
}

TEST_F(Elections, AFollowerHasNoFencingToken) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Contender a(executor, key(), redis().options(), enduring());
    Contender b(executor, key(), redis().options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    b.service.start();
    const auto none = [&] { return b.service.fencing_token() == 0; };
    EXPECT_TRUE(co_await holds_for(none, 300ms));
    co_await a.service.stop();
    co_await b.service.stop();
  });
}

// Losing the lock ---------------------------------------------------------------------------------

TEST_F(Elections, AStolenLockEndsTheTerm) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Contender a(co_await asio::this_coro::executor, key(), redis().options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    EXPECT_TRUE(co_await hears(a, "became"));
    election_probe().command({"SET", election_lock(), "a thief", "PX", "600000"});
    EXPECT_TRUE(co_await ceases_to_lead(a.service));
    EXPECT_TRUE(co_await hears(a, "became lost"));
    EXPECT_EQ(a.service.fencing_token(), 0);
    const auto follows = [&] { return !a.service.is_leader(); };
    EXPECT_TRUE(co_await holds_for(follows, 300ms));
    // Not prolonged or shortened by us.
    EXPECT_GT(election_probe().integer({"PTTL", election_lock()}), 500000);
    co_await a.service.stop();
    EXPECT_EQ(election_probe().get(election_lock()), "a thief");
  });
}

TEST_F(Elections, ALockThatWasRemovedIsLostAndTakenAgain) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Contender a(co_await asio::this_coro::executor, key(), redis().options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    const auto token = a.service.fencing_token();
    election_probe().command({"DEL", election_lock()});
    EXPECT_TRUE(co_await hears(a, "became lost became"));
    EXPECT_TRUE(co_await becomes_leader(a.service));
    EXPECT_GT(a.service.fencing_token(), token);
    co_await a.service.stop();
  });
}

// Waiting for the first ---------------------------------------------------------------------------

TEST_F(Elections, OnANewRedisTheFirstElectionTakesATimeToLive) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LeaderOptions options = waiting(quick());
    options.retry_delay = 20s;  // it asks when the wait is over, not later
    Contender a(co_await asio::this_coro::executor, key(), redis().options(), options);
    const auto from = std::chrono::steady_clock::now();
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    EXPECT_GE(std::chrono::steady_clock::now() - from, options.ttl);
    EXPECT_EQ(a.log.count("nobody may lead " + election_lock() + " for another"), 1U);
    co_await a.service.stop();
  });
}

TEST_F(Elections, WithoutALossNobodyWaits) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Contender a(executor, key(), redis().options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    Contender b(executor, key(), redis().options(), waiting(enduring()));
    b.service.start();
    co_await a.service.stop();
    EXPECT_TRUE(co_await becomes_leader(b.service));
    EXPECT_EQ(b.log.count("nobody may lead"), 0U);
    co_await b.service.stop();
  });
}

// Callbacks ---------------------------------------------------------------------------------------

TEST_F(Elections, CallbacksRunOneAfterTheOtherInOrder) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    std::vector<std::string> events;
    LeaderService service(co_await asio::this_coro::executor, key(), enduring(), redis().options(),
                          log.sink());
    service.set_became_leader_callback([&]() -> asio::awaitable<void> {
      events.emplace_back("became begins");
      co_await sleep_for(400ms);  // the lock is lost meanwhile
      events.emplace_back("became ends");
    });
    service.set_lost_leader_callback([&] { events.emplace_back("lost"); });
    service.start();
    EXPECT_TRUE(co_await becomes_leader(service));
    election_probe().command({"SET", election_lock(), "a thief", "PX", "600000"});
    const auto all_heard = [&] { return events.size() == 3; };
    EXPECT_TRUE(co_await eventually(all_heard));
    EXPECT_EQ(events, (std::vector<std::string>{"became begins", "became ends", "lost"}));
    co_await service.stop();
  });
}

TEST_F(Elections, WhatCallbacksThrowIsLogged) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    int lost = 0;
    LeaderService service(co_await asio::this_coro::executor, key(), enduring(), redis().options(),
                          log.sink());
    service.set_became_leader_callback([] { throw std::runtime_error("became and threw"); });
    service.set_lost_leader_callback([&]() -> asio::awaitable<void> {
      ++lost;
      co_await sleep_for(1ms);
      throw std::runtime_error("lost and threw");
    });
    service.start();
    const auto first_logged = [&] { return log.contains("became and threw", LogLevel::error); };
    EXPECT_TRUE(co_await eventually(first_logged));
    EXPECT_TRUE(service.is_leader());
    co_await service.stop();
    EXPECT_EQ(lost, 1);
    EXPECT_TRUE(log.contains("lost and threw", LogLevel::error)) << log.text();
    EXPECT_FALSE(election_probe().exists(election_lock()));
  });
}

}  // namespace
}  // namespace mesh::test
