#include <gtest/gtest.h>

#include <string>
#include <utility>

#include <integration/support/mesh_test.hpp>

namespace mesh::test {
namespace {

/// What a node logs when it starts.
class StartLog : public MeshTest {
 protected:
  static std::string place() {
    const RedisOptions where = redis().options();
    const std::string address = where.host + ":" + std::to_string(where.port);
    return on_cluster() ? "the cluster of " + address : address;
  }
};

TEST_F(StartLog, SaysOnceWhichMeshWasJoinedAndWhere) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    EXPECT_EQ(log().count("joined test:mesh:" + key() + " at " + place() + " as node 1"), 1U)
        << log().text();
    EXPECT_EQ(log().count("", LogLevel::warning), 0U) << log().text();
    co_await node->stop();
  });
}

TEST_F(StartLog, WarnsOnceOfAPrefixThatNobodyChose) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.redis = redis().admin_options();  // who may use that prefix, too
    node_options.redis.prefix.clear();
    node_options.redis.mutex_prefix.clear();
    node_options.redis.application_name.clear();
    const auto node = co_await start_node(std::move(node_options));
    EXPECT_EQ(log().count("REDIS_PREFIX", LogLevel::warning), 1U) << log().text();
    co_await node->stop();
  });
}

TEST_F(StartLog, DoesNotWarnOfTheMeshsPrefixForALockElsewhereThatHasItsOwn) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.redis = redis().admin_options();
    node_options.redis.prefix = "test";
    node_options.redis.mutex_prefix.clear();
    node_options.redis.application_name.clear();
    node_options.leader_redis = node_options.redis;
    node_options.leader_redis->mutex_prefix = "own";
    const auto node = co_await start_node(std::move(node_options));
    EXPECT_EQ(log().count("", LogLevel::warning), 0U) << log().text();
    co_await node->stop();
  });
}

TEST_F(StartLog, AnElectionOfItsOwnWarnsToo) {
  run_coroutine([&]() -> asio::awaitable<void> {
    RedisOptions where = redis().admin_options();
    const auto executor = co_await asio::this_coro::executor;
    LeaderService sound(executor, key(), {}, where, log().sink());
    sound.start();
    where.mutex_prefix.clear();
    where.application_name.clear();
    LeaderService doubtful(executor, key(), {}, where, log().sink());
    doubtful.start();
    const auto has_warned = [&] {
      return log().contains("RedisOptions::mutex_prefix", LogLevel::warning);
    };
    EXPECT_TRUE(co_await eventually(has_warned));
    EXPECT_EQ(log().count("REDIS_PREFIX"), 1U) << log().text();
    co_await doubtful.stop();
    co_await sound.stop();
  });
}

}  // namespace
}  // namespace mesh::test
