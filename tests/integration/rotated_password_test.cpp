#include <gtest/gtest.h>

#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/start_attempts.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>
#include <support/sentinel_cluster.hpp>

namespace mesh::test::faults {
namespace {

/// A password that changes while services run.
class Secret {
 public:
  explicit Secret(std::string replacement) : password_(std::move(replacement)) {}

  void set(std::string replacement) {
    const std::lock_guard guard(mutex_);
    password_ = std::move(replacement);
  }
  RedisCredentials credentials() {
    const std::lock_guard guard(mutex_);
    return {"", password_};
  }

 private:
  std::mutex mutex_;
  std::string password_;
};

TEST(RotatedPassword, IsGivenToARunningService) {
  RedisServerOptions guarded;
  guarded.password = "the-first-one";
  const RedisServer server(guarded);
  RedisProbe probe = server.probe();
  Secret rotating("the-first-one");
  RedisOptions redis = server.options();
  redis.password = "not used";
  redis.credentials = [&](RedisPeer peer) {
    EXPECT_EQ(peer, RedisPeer::redis);
    return rotating.credentials();
  };
  run_coroutine([&]() -> asio::awaitable<void> {
    Pair pair(co_await asio::this_coro::executor, redis);
    co_await pair.start();
    probe.command({"CONFIG", "SET", "requirepass", "the-second-one"});
    probe.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    probe.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    const auto is_refused = [&] { return pair.log.contains("WRONGPASS"); };
    EXPECT_TRUE(co_await eventually(is_refused)) << pair.log.text();
    rotating.set("the-second-one");
    EXPECT_TRUE(co_await recovers(pair.a, pair.b.instance_id())) << pair.log.text();
    EXPECT_FALSE(pair.log.contains("the-second-one"));
    co_await pair.stop();
  });
}

TEST(RotatedPassword, IsAskedForByPeer) {
  SentinelClusterOptions guarded;
  guarded.sentinel_password = "of-sentinel";
  const SentinelCluster cluster(guarded);
  const RedisOptions plain = cluster.options();
  RedisOptions redis = plain;
  redis.sentinel_password = "not used";
  redis.credentials = [plain](RedisPeer peer) {
    if (peer == RedisPeer::sentinel) return RedisCredentials{"", "of-sentinel"};
    return RedisCredentials{plain.username, plain.password};
  };
  expect_usable(redis);
}

TEST(RotatedPassword, ACallbackThatThrowsIsAFailedAttempt) {
  const RedisServer server;
  RedisOptions redis = server.options();
  redis.credentials = [](RedisPeer /*peer*/) -> RedisCredentials {
    throw std::runtime_error("the vault is closed");
  };
  const FailedStart start = start_in_vain(redis);
  ASSERT_TRUE(start.error);
  EXPECT_EQ(start.error->port(), server.port());
  EXPECT_NE(start.error->cause().find("the vault is closed"), std::string::npos);
}

}  // namespace
}  // namespace mesh::test::faults
