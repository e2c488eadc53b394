// Elections on a Redis of their own, which fails, or loses what it had.

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/redis_proxy.hpp>
#include <integration/support/election_test.hpp>
#include <support/coroutine.hpp>
#include <support/env_var.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

const std::string election_key = "feature";
const std::string lock = "test:leader:" + election_key;

TEST(LeaderService, UsesTheMutexVariablesByDefault) {
  const RedisServer server;
  const EnvVar host("MUTEX_REDIS_HOST", "127.0.0.1");
  const EnvVar port("MUTEX_REDIS_PORT", std::to_string(server.port()));
  const EnvVar prefix("MUTEX_REDIS_PREFIX", "from-env");
  const EnvVar mesh_port("MESH_REDIS_PORT", "1");
  run_coroutine([&]() -> asio::awaitable<void> {
    LeaderService service(co_await asio::this_coro::executor, election_key, enduring());
    service.start();
    EXPECT_TRUE(co_await becomes_leader(service));
    EXPECT_TRUE(server.probe().exists("from-env:leader:feature"));
    co_await service.stop();
  });
}

// Losing the lock ---------------------------------------------------------------------------------

TEST(LeaderService, TheLeaseEndsInTimeWhenRedisHangs) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    RedisOptions redis = server.options();
    redis.health_check_interval = 300ms;
    redis.connect_timeout = 500ms;
    Contender a(co_await asio::this_coro::executor, election_key, redis, quick());
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
    Contender a(co_await asio::this_coro::executor, election_key, proxy.options(), quick());
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
    Contender a(co_await asio::this_coro::executor, election_key, server.options(), quick());
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
    Contender a(co_await asio::this_coro::executor, election_key, server.options(), slow);
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
    Contender a(executor, election_key, server.options(), trusting());
    a.service.start();
    EXPECT_TRUE(co_await becomes_leader(a.service));
    Contender b(executor, election_key, server.options(), waiting(eager()));
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

TEST(LeaderService, WaitsForARedisThatIsNotThereYet) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServer server;
    server.kill();
    Contender a(co_await asio::this_coro::executor, election_key, server.options(), quick());
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
    Contender a(co_await asio::this_coro::executor, election_key, server.options(), enduring());
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

}  // namespace
}  // namespace mesh::test::faults
