#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/env_var.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

const std::string lock = "test:leader:feature";

LeaderOptions quick() {
  LeaderOptions options;
  options.ttl = 1s;
  options.renewal_interval = 200ms;
  options.retry_delay = 100ms;
  options.wait_after_data_loss = false;
  return options;
}

/// A term that does not run out during a test.
LeaderOptions enduring() {
  LeaderOptions options = quick();
  options.ttl = 60s;
  return options;
}

/// One that takes part in the election of "feature", and what it was told.
struct Contender {
  Contender(const asio::any_io_executor& executor, const RedisOptions& redis, LeaderOptions options)
      : service(executor, "feature", options, redis, log.sink()) {
    service.set_became_leader_callback([this] { events.emplace_back("became"); });
    service.set_lost_leader_callback([this] { events.emplace_back("lost"); });
  }

  LogCapture log;
  std::vector<std::string> events;
  LeaderService service;
};

asio::awaitable<bool> becomes_leader(LeaderService& service) {
  const auto leads = [&] { return service.is_leader(); };
  co_return co_await eventually(leads);
}

asio::awaitable<bool> ceases_to_lead(LeaderService& service) {
  const auto leads_not = [&] { return !service.is_leader(); };
  co_return co_await eventually(leads_not);
}

/// `events` are separated by spaces.
asio::awaitable<bool> hears(const Contender& contender, std::string events) {
  const auto heard = [&] {
    std::string text;
    for (const std::string& event : contender.events) {
      if (!text.empty()) text += ' ';
      text += event;
    }
    return text;
  };
  const auto all_heard = [&] { return heard() == events; };
  const bool result = co_await eventually(all_heard);
  EXPECT_EQ(heard(), events);
  co_return result;
}

// One leader --------------------------------------------------------------------------------------

TEST(LeaderService, ElectsOneOfThree) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    std::vector<std::unique_ptr<Contender>> contenders;
    for (int i = 0; i < 3; ++i) {
      contenders.push_back(std::make_unique<Contender>(executor, server.options(), enduring()));
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
    EXPECT_FALSE(server.probe().exists(lock));
  });
}

TEST(LeaderService, HoldsALockWithAUuidAndATimeToLive) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisOptions redis = server.admin_options();
    redis.prefix = "not-for-locks";
    redis.mutex_prefix = "locks";
    Contender a(co_await asio::this_coro::executor, redis, enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    RedisProbe probe = server.probe();
    const auto value = probe.get("locks:leader:feature");
    CO_ASSERT_TRUE(value);
    const std::regex uuid("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
    EXPECT_TRUE(std::regex_match(*value, uuid)) << *value;
    const auto left = probe.integer({"PTTL", "locks:leader:feature"});
    EXPECT_GT(left, 0);
    EXPECT_LE(left, 60000);
    co_await a.service.stop();
  });
}

TEST(LeaderService, UsesTheMutexVariablesByDefault) {
  const RedisServer server;
  const EnvVar host("MUTEX_REDIS_HOST", "127.0.0.1");
  const EnvVar port("MUTEX_REDIS_PORT", std::to_string(server.port()));
  const EnvVar prefix("MUTEX_REDIS_PREFIX", "from-env");
  const EnvVar mesh_port("MESH_REDIS_PORT", "1");
  run_coroutine([&]() -> asio::awaitable<void> {
    LeaderService service(co_await asio::this_coro::executor, "feature", enduring());
    service.start();
    EXPECT_TRUE(co_await becomes_leader(service));
    EXPECT_TRUE(server.probe().exists("from-env:leader:feature"));
    co_await service.stop();
  });
}

TEST(LeaderService, ElectionsWithDifferentKeysAreIndependent) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    LogCapture log;
    LeaderService one(executor, "one", enduring(), server.options(), log.sink());
    LeaderService two(executor, "two", enduring(), server.options(), log.sink());
    one.start();
    two.start();
    EXPECT_TRUE(co_await becomes_leader(one));
    EXPECT_TRUE(co_await becomes_leader(two));
    co_await one.stop();
    co_await two.stop();
  });
}

TEST(LeaderService, RenewalKeepsTheLock) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    Contender a(co_await asio::this_coro::executor, server.options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    const auto token = a.service.fencing_token();
    RedisProbe probe = server.probe();
    for (int i = 0; i < 3; ++i) {
      std::int64_t least = probe.integer({"PTTL", lock});
      const auto is_prolonged = [&] {
        const auto left = probe.integer({"PTTL", lock});
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

TEST(LeaderService, StopHandsOverLongBeforeTheLockRunsOut) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Contender a(executor, server.options(), enduring());
    Contender b(executor, server.options(), enduring());
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

TEST(LeaderService, TheLostCallbackEndsBeforeTheLockIsReleased) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProbe probe = server.probe();
    LogCapture log;
    LeaderService service(co_await asio::this_coro::executor, "feature", enduring(),
                          server.options(), log.sink());
    std::vector<bool> locked;
    bool was_leader = true;
    service.set_lost_leader_callback([&]() -> asio::awaitable<void> {
      was_leader = service.is_leader();
      locked.push_back(probe.exists(lock));
      co_await sleep_for(200ms);
      locked.push_back(probe.exists(lock));
    });
    service.start();
    EXPECT_TRUE(co_await becomes_leader(service));
    co_await service.stop();
    EXPECT_EQ(locked, (std::vector<bool>{true, true}));
    EXPECT_FALSE(was_leader);
    EXPECT_FALSE(probe.exists(lock));
  });
}

TEST(LeaderService, TheLockOfALeaderThatVanishedRunsOut) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    RedisProbe probe = server.probe();
    auto a = std::make_unique<Contender>(executor, server.options(), quick());
    Contender b(executor, server.options(), quick());
    a->service.start();
    EXPECT_TRUE(co_await becomes_leader(a->service));
    b.service.start();
    const auto value = probe.get(lock);
    a.reset();
    while (!b.service.is_leader()) {
      // Read in this order, one of the two must be true.
      const auto holder = probe.get(lock);
      if (holder == value) {
        EXPECT_FALSE(b.service.is_leader());
      }
      co_await sleep_for(2ms);
    }
    EXPECT_NE(probe.get(lock), value);
    co_await b.service.stop();
  });
}

TEST(LeaderService, CanBeStartedAgain) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    Contender a(co_await asio::this_coro::executor, server.options(), enduring());
    std::set<std::string> values;
    co_await a.service.stop();  // does nothing
    for (int round = 0; round < 2; ++round) {
      a.service.start();
      EXPECT_THROW(a.service.start(), MeshAlreadyRunningError);
      EXPECT_TRUE(co_await becomes_leader(a.service));
      EXPECT_THROW(a.service.start(), MeshAlreadyRunningError);
      values.insert(server.probe().text({"GET", lock}));
      co_await a.service.stop();
      co_await a.service.stop();
      EXPECT_FALSE(a.service.is_leader());
      EXPECT_FALSE(server.probe().exists(lock));
    }
    // So that a release of the first time that comes late does not free the lock.
    EXPECT_EQ(values.size(), 2U);
    EXPECT_EQ(a.events, (std::vector<std::string>{"became", "lost", "became", "lost"}));
  });
}

TEST(LeaderService, AFollowerStopsQuietly) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Contender a(executor, server.options(), enduring());
    Contender b(executor, server.options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    b.service.start();
    co_await sleep_for(50ms);
    co_await b.service.stop();
    EXPECT_TRUE(b.events.empty());
    EXPECT_TRUE(a.service.is_leader());
    EXPECT_TRUE(server.probe().exists(lock));
    co_await a.service.stop();
  });
}

// Fencing tokens ----------------------------------------------------------------------------------

TEST(LeaderService, FencingTokensGrowFromTermToTerm) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Contender a(executor, server.options(), enduring());
    Contender b(executor, server.options(), enduring());
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
      if (round >= 3) server.command({"FLUSHALL"});
    }
  });
}

TEST(LeaderService, AFollowerHasNoFencingToken) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Contender a(executor, server.options(), enduring());
    Contender b(executor, server.options(), enduring());
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

TEST(LeaderService, AStolenLockEndsTheTerm) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProbe probe = server.probe();
    Contender a(co_await asio::this_coro::executor, server.options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    EXPECT_TRUE(co_await hears(a, "became"));
    probe.command({"SET", lock, "a thief", "PX", "600000"});
    EXPECT_TRUE(co_await ceases_to_lead(a.service));
    EXPECT_TRUE(co_await hears(a, "became lost"));
    EXPECT_EQ(a.service.fencing_token(), 0);
    const auto follows = [&] { return !a.service.is_leader(); };
    EXPECT_TRUE(co_await holds_for(follows, 300ms));
    EXPECT_GT(probe.integer({"PTTL", lock}), 500000);  // not prolonged or shortened by us
    co_await a.service.stop();
    EXPECT_EQ(probe.get(lock), "a thief");
  });
}

TEST(LeaderService, ALockThatWasRemovedIsLostAndTakenAgain) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    Contender a(co_await asio::this_coro::executor, server.options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    const auto token = a.service.fencing_token();
    server.command({"DEL", lock});
    EXPECT_TRUE(co_await hears(a, "became lost became"));
    EXPECT_TRUE(co_await becomes_leader(a.service));
    EXPECT_GT(a.service.fencing_token(), token);
    co_await a.service.stop();
  });
}

TEST(LeaderService, TheLeaseEndsInTimeWhenRedisHangs) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    RedisOptions redis = server.options();
    redis.health_check_interval = 300ms;
    redis.connect_timeout = 500ms;
    Contender a(co_await asio::this_coro::executor, redis, quick());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    server.pause();
    // The last renewal was sent before this moment.
    const auto paused_at = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() < paused_at + 1s) co_await sleep_for(10ms);
    EXPECT_FALSE(a.service.is_leader());
    EXPECT_EQ(a.service.fencing_token(), 0);
    const auto is_told = [&] { return !a.events.empty() && a.events.back() == "lost"; };
    EXPECT_TRUE(co_await eventually(is_told));
    server.resume();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    const auto is_told_again = [&] { return a.events.back() == "became"; };
    EXPECT_TRUE(co_await eventually(is_told_again));
    co_await a.service.stop();
  });
}

TEST(LeaderService, TheLeaseEndsBeforeTheLockDoes) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    RedisProxy proxy(server);
    RedisProbe probe = server.probe();
    Contender a(co_await asio::this_coro::executor, proxy.options(), quick());
    a.service.start();
    for (int round = 0; round < 3; ++round) {
      EXPECT_TRUE(co_await becomes_leader(a.service));
      proxy.freeze();
      for (;;) {
        const bool is_locked = probe.exists(lock);
        const bool leads = a.service.is_leader();
        // In this order: once the lock is gone, nobody may lead any more.
        EXPECT_FALSE(leads && !is_locked);
        if (!is_locked) break;
        co_await sleep_for(1ms);
      }
      proxy.thaw();
    }
    co_await a.service.stop();
  });
}

TEST(LeaderService, LeadershipIsRegainedAfterRedisWasAway) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    Contender a(co_await asio::this_coro::executor, server.options(), quick());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    const auto token = a.service.fencing_token();
    server.kill();
    EXPECT_TRUE(co_await ceases_to_lead(a.service));
    const auto is_told = [&] { return !a.events.empty() && a.events.back() == "lost"; };
    EXPECT_TRUE(co_await eventually(is_told));
    server.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    EXPECT_GT(a.service.fencing_token(), token);
    EXPECT_TRUE(server.probe().exists(lock));
    co_await a.service.stop();
  });
}

TEST(LeaderService, ALeaderLearnsAtOnceThatRedisLostTheLock) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    LeaderOptions slow = quick();
    slow.ttl = 20min;
    slow.renewal_interval = 10min;
    slow.retry_delay = 10min;
    Contender a(co_await asio::this_coro::executor, server.options(), slow);
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    server.restart();
    EXPECT_TRUE(co_await ceases_to_lead(a.service));
    co_await a.service.stop();
  });
}

// Locks that Redis has lost -----------------------------------------------------------------------

/// Asks rarely, so that it believes for long in a lock that is gone, and does not take it again.
LeaderOptions trusting() {
  LeaderOptions options = quick();
  options.ttl = 3s;
  options.renewal_interval = 2s;
  options.retry_delay = 10min;
  return options;
}

LeaderOptions eager() {
  LeaderOptions options = trusting();
  options.retry_delay = 50ms;
  return options;
}

LeaderOptions waiting(LeaderOptions options) {
  options.wait_after_data_loss = true;
  return options;
}

using LoseLock = std::function<asio::awaitable<void>(RedisServer& server)>;

/// While one leads Redis loses the lock: the other must not lead before the first has ceased to.
void expect_never_two(const LoseLock& lose_lock) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    RedisServer server;
    Contender a(executor, server.options(), trusting());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    Contender b(executor, server.options(), waiting(eager()));
    b.service.start();
    const auto token = a.service.fencing_token();
    co_await lose_lock(server);
    std::size_t two_led = 0;
    const auto b_leads = [&] {
      // The other order could see one after the other.
      const bool b_led = b.service.is_leader();
      if (b_led && a.service.is_leader()) ++two_led;
      return b_led;
    };
    const auto a_ceased = [&] { return b_leads() || !a.service.is_leader(); };
    EXPECT_TRUE(co_await eventually(a_ceased));
    co_await a.service.stop();
    EXPECT_TRUE(co_await eventually(b_leads));
    EXPECT_EQ(two_led, 0U);
    EXPECT_GT(b.service.fencing_token(), token);
    co_await b.service.stop();
  });
}

asio::awaitable<void> delete_lock(RedisServer& server) {
  server.command({"DEL", lock});
  co_return;
}

asio::awaitable<void> flush(RedisServer& server) {
  server.command({"FLUSHALL"});
  co_return;
}

asio::awaitable<void> restart(RedisServer& server) {
  server.restart();
  co_return;
}

asio::awaitable<void> delete_lock_with_the_note_of_another_server(RedisServer& server) {
  server.command({"SET", lock + ":last_term", "0123456789abcdef 0"});
  server.command({"DEL", lock});
  co_return;
}

asio::awaitable<void> delete_lock_that_was_renewed_without_memory(RedisServer& server) {
  server.command({"CONFIG", "SET", "maxmemory", "1"});
  RedisProbe probe = server.probe();
  const auto note_is_gone = [&] { return !probe.exists(lock + ":last_term"); };
  EXPECT_TRUE(co_await eventually(note_is_gone));
  server.command({"CONFIG", "SET", "maxmemory", "0"});
  server.command({"DEL", lock});
}

TEST(LeaderService, NeverTwoLeadAfterTheLockWasDeleted) { expect_never_two(&delete_lock); }

TEST(LeaderService, NeverTwoLeadAfterAFlush) { expect_never_two(&flush); }

TEST(LeaderService, NeverTwoLeadAfterRedisCameBackEmpty) { expect_never_two(&restart); }

TEST(LeaderService, NeverTwoLeadWhereAnotherServerHasAnOlderNote) {
  expect_never_two(&delete_lock_with_the_note_of_another_server);
}

TEST(LeaderService, NeverTwoLeadAfterARenewalThatCouldNotBeNoted) {
  expect_never_two(&delete_lock_that_was_renewed_without_memory);
}

TEST(LeaderService, OnANewRedisTheFirstElectionTakesATimeToLive) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    LeaderOptions options = waiting(quick());
    options.retry_delay = 20s;  // it asks when the wait is over, not later
    Contender a(co_await asio::this_coro::executor, server.options(), options);
    const auto from = std::chrono::steady_clock::now();
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    EXPECT_GE(std::chrono::steady_clock::now() - from, options.ttl);
    EXPECT_EQ(a.log.count("nobody may lead test:leader:feature for another"), 1U);
    co_await a.service.stop();
  });
}

TEST(LeaderService, WithoutALossNobodyWaits) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    Contender a(executor, server.options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    Contender b(executor, server.options(), waiting(enduring()));
    b.service.start();
    co_await a.service.stop();
    EXPECT_TRUE(co_await becomes_leader(b.service));
    EXPECT_EQ(b.log.count("nobody may lead"), 0U);
    co_await b.service.stop();
  });
}

TEST(LeaderService, WaitsForARedisThatIsNotThereYet) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    server.kill();
    Contender a(co_await asio::this_coro::executor, server.options(), quick());
    a.service.start();
    const auto is_logged = [&] { return a.log.contains("refused", LogLevel::warning); };
    EXPECT_TRUE(co_await eventually(is_logged)) << a.log.text();
    server.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    co_await a.service.stop();
  });
}

TEST(LeaderService, StopIsBoundedWithoutRedis) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    Contender a(co_await asio::this_coro::executor, server.options(), enduring());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    server.pause();
    const auto begin = std::chrono::steady_clock::now();
    co_await a.service.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
    EXPECT_FALSE(a.service.is_leader());
    EXPECT_EQ(a.events, (std::vector<std::string>{"became", "lost"}));
    server.resume();
  });
}

TEST(LeaderService, StartAndStopRightAfterEachOther) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    Contender a(co_await asio::this_coro::executor, server.options(), enduring());
    for (int round = 0; round < 20; ++round) {
      a.service.start();
      co_await a.service.stop();
    }
    EXPECT_FALSE(a.service.is_leader());
    const auto is_free = [&] { return !server.probe().exists(lock); };
    EXPECT_TRUE(is_free());
  });
}

// Callbacks ---------------------------------------------------------------------------------------

TEST(LeaderService, CallbacksRunOneAfterTheOtherInOrder) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    LogCapture log;
    std::vector<std::string> events;
    LeaderService service(co_await asio::this_coro::executor, "feature", enduring(),
                          server.options(), log.sink());
    service.set_became_leader_callback([&]() -> asio::awaitable<void> {
      events.emplace_back("became begins");
      co_await sleep_for(400ms);  // the lock is lost meanwhile
      events.emplace_back("became ends");
    });
    service.set_lost_leader_callback([&] { events.emplace_back("lost"); });
    service.start();
    EXPECT_TRUE(co_await becomes_leader(service));
    server.command({"SET", lock, "a thief", "PX", "600000"});
    const auto all_heard = [&] { return events.size() == 3; };
    EXPECT_TRUE(co_await eventually(all_heard));
    EXPECT_EQ(events, (std::vector<std::string>{"became begins", "became ends", "lost"}));
    co_await service.stop();
  });
}

TEST(LeaderService, WhatCallbacksThrowIsLogged) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    LogCapture log;
    int lost = 0;
    LeaderService service(co_await asio::this_coro::executor, "feature", enduring(),
                          server.options(), log.sink());
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
    EXPECT_FALSE(server.probe().exists(lock));
  });
}

// The leader of a mesh ----------------------------------------------------------------------------

asio::awaitable<bool> node_leads(Node& node) { co_return co_await becomes_leader(node.leader()); }

void add_stale_node(RedisProbe& probe, const std::string& id) {
  probe.command({"ZADD", key_of("heartbeats"), "1000", id});
  probe.command({"HSET", key_of("nodes"), id, "long-gone"});
}

TEST(MeshLeader, IsNotStartedOrStoppedByTheUser) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    EXPECT_THROW(node.leader().start(), std::logic_error);
    co_await node.start();
    EXPECT_THROW(node.leader().start(), std::logic_error);
    co_await expect_error<std::logic_error>(node.leader().stop());
    EXPECT_TRUE(co_await node_leads(node));
    co_await node.stop();
  });
}

TEST(MeshLeader, HoldsTheLockOfTheMesh) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    LogCapture log;
    std::vector<std::string> events;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    node.leader().set_became_leader_callback([&] { events.emplace_back("became"); });
    node.leader().set_lost_leader_callback([&] { events.emplace_back("lost"); });
    co_await node.start();
    EXPECT_TRUE(co_await node_leads(node));
    EXPECT_TRUE(server.probe().exists(mesh_lock));
    EXPECT_GT(node.leader().fencing_token(), 0);
    co_await node.stop();
    EXPECT_FALSE(server.probe().exists(mesh_lock));
    CO_ASSERT_TRUE(events.size() >= 2);
    EXPECT_EQ(events.front(), "became");
    EXPECT_EQ(events.back(), "lost");
  });
}

/// Three nodes of which the first leads for the whole test.
struct Trio {
  Trio(const asio::any_io_executor& executor, const RedisServer& server) {
    for (std::size_t i = 0; i < 3; ++i) {
      MeshOptions options = patient_options(server.options(), log);
      options.leader = enduring();
      nodes.push_back(std::make_unique<Node>(executor, mesh_key, options));
      nodes.back()->set_node_cleaned_up_callback(
          [this, i](InstanceId id) { removed[i].push_back(id); });
    }
  }

  asio::awaitable<bool> start() {
    for (const auto& node : nodes) {
      co_await node->start();
      if (!co_await node_leads(*nodes.front())) co_return false;
    }
    co_return true;
  }

  LogCapture log;
  std::vector<std::vector<InstanceId>> removed{3};
  std::vector<std::unique_ptr<Node>> nodes;
};

TEST(MeshLeader, AloneRemovesStaleNodesAndOnlyOnce) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProbe probe = server.probe();
    Trio trio(co_await asio::this_coro::executor, server);
    CO_ASSERT_TRUE(co_await trio.start());
    add_stale_node(probe, "77");
    add_stale_node(probe, "78");
    const auto both_removed = [&] { return trio.removed[0].size() == 2; };
    EXPECT_TRUE(co_await eventually(both_removed)) << trio.log.text();
    EXPECT_FALSE(probe.zscore(key_of("heartbeats"), "77"));
    EXPECT_FALSE(probe.hget(key_of("nodes"), "78"));
    co_await sleep_for(300ms);
    EXPECT_EQ(trio.removed[0], (std::vector<InstanceId>{77, 78}));
    EXPECT_TRUE(trio.removed[1].empty());
    EXPECT_TRUE(trio.removed[2].empty());
    EXPECT_EQ(probe.integer({"ZCARD", key_of("heartbeats")}), 3);
    for (const auto& node : trio.nodes) co_await node->stop();
  });
}

TEST(MeshLeader, DoesNotCleanUpWithALockThatIsNotItsOwn) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProbe probe = server.probe();
    LogCapture log;
    std::vector<InstanceId> removed;
    MeshOptions options = patient_options(server.options(), log);
    // Without renewals only the cleanup itself can notice.
    options.leader.ttl = 20min;
    options.leader.renewal_interval = 10min;
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    node.set_node_cleaned_up_callback([&](InstanceId id) { removed.push_back(id); });
    co_await node.start();
    EXPECT_TRUE(co_await node_leads(node));
    probe.command({"SET", mesh_lock, "a thief", "PX", "600000"});
    add_stale_node(probe, "77");
    EXPECT_TRUE(co_await ceases_to_lead(node.leader()));
    const auto is_kept = [&] { return probe.zscore(key_of("heartbeats"), "77").has_value(); };
    EXPECT_TRUE(co_await holds_for(is_kept, 500ms));
    EXPECT_TRUE(probe.hget(key_of("nodes"), "77"));
    EXPECT_TRUE(removed.empty());
    // Free again, it is taken and used.
    probe.command({"DEL", mesh_lock});
    const auto is_removed = [&] { return removed == std::vector<InstanceId>{77}; };
    EXPECT_TRUE(co_await eventually(is_removed));
    co_await node.stop();
  });
}

TEST(MeshLeader, WhatTheCleanupCallbackThrowsIsLoggedAndTheNextNodeIsReported) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProbe probe = server.probe();
    LogCapture log;
    std::vector<InstanceId> removed;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    node.set_node_cleaned_up_callback([&](InstanceId id) -> asio::awaitable<void> {
      removed.push_back(id);
      co_await sleep_for(1ms);
      if (id == 77) throw std::runtime_error("cannot forget 77");
    });
    co_await node.start();
    EXPECT_TRUE(co_await node_leads(node));
    add_stale_node(probe, "77");
    add_stale_node(probe, "78");
    const auto both_reported = [&] { return removed.size() == 2; };
    EXPECT_TRUE(co_await eventually(both_reported));
    EXPECT_TRUE(log.contains("cannot forget 77", LogLevel::error)) << log.text();
    co_await node.stop();
  });
}

TEST(MeshLeader, PassesOnLeadershipWhenItStops) {
  run_coroutine([]() -> asio::awaitable<void> {
    const RedisServer server;
    RedisProbe probe = server.probe();
    Trio trio(co_await asio::this_coro::executor, server);
    CO_ASSERT_TRUE(co_await trio.start());
    co_await trio.nodes[0]->stop();
    const auto another_leads = [&] {
      return trio.nodes[1]->leader().is_leader() != trio.nodes[2]->leader().is_leader();
    };
    EXPECT_TRUE(co_await eventually(another_leads));
    add_stale_node(probe, "77");
    const auto is_removed = [&] { return trio.removed[1].size() + trio.removed[2].size() == 1; };
    EXPECT_TRUE(co_await eventually(is_removed));
    EXPECT_TRUE(trio.removed[0].empty());
    for (const auto& node : trio.nodes) co_await node->stop();
  });
}

TEST(MeshLeader, IsFollowedByAnotherAfterItVanished) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    LogCapture log;
    std::vector<InstanceId> removed;
    MeshOptions options = patient_options(server.options(), log);
    options.node_ttl = 2s;
    auto first = std::make_unique<Node>(executor, mesh_key, options);
    Node second(executor, mesh_key, options);
    second.set_node_cleaned_up_callback([&](InstanceId id) { removed.push_back(id); });
    co_await first->start();
    EXPECT_TRUE(co_await node_leads(*first));
    co_await second.start();
    first.reset();
    EXPECT_TRUE(co_await node_leads(second));
    const auto is_removed = [&] { return removed == std::vector<InstanceId>{1}; };
    EXPECT_TRUE(co_await eventually(is_removed)) << log.text();
    co_await second.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
