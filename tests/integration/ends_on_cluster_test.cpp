// stop() and destruction are bounded, and end each call, whatever part of a cluster is away.

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_rig.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/redis_cluster.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

/// A node `a` that is to be stopped, and a node `b` that it calls.
struct ClusterScene {
  static constexpr auto stop_timeout = 1s;
  // What a slow machine may add.
  static constexpr auto grace = 10s;
  // All that may not decide how long a stop takes.
  static constexpr auto forever = 100s;

  explicit ClusterScene(const asio::any_io_executor& used) : executor(used) {
    MeshOptions options = patient_options(cluster.options(), LogCapture());
    options.stop_timeout = stop_timeout;
    options.request_timeout = forever;
    options.leader.ttl = forever;
    options.leader.renewal_interval = forever / 2;
    options.redis.connect_timeout = forever;
    options.redis.health_check_interval = forever;
    a = std::make_unique<Member>(executor, options);
    b = std::make_unique<Member>(executor, options);
  }

  RedisServer& primary_of(const std::string& name) {
    return cluster.primary_of(cluster.slot_of(name));
  }

  std::shared_ptr<Call> begin_call(InstanceId target) {
    return begin_wait(executor, a->node, target, forever, forever);
  }

  asio::any_io_executor executor;
  RedisCluster cluster;
  std::unique_ptr<Member> a;
  std::unique_ptr<Member> b;
};

/// What of the cluster is away, and how.
struct Away {
  std::string name{};
  std::function<std::vector<RedisServer*>(ClusterScene&)> affected{};
  void (*enter)(RedisServer&) = nullptr;
  void (*leave)(RedisServer&) = nullptr;  // null: it does not come back
};

void hang(RedisServer& server) { server.pause(); }
void go_on(RedisServer& server) { server.resume(); }
void go(RedisServer& server) { server.kill(); }

std::vector<RedisServer*> all_of(ClusterScene& scene) {
  std::vector<RedisServer*> all;
  for (std::size_t i = 0; i < scene.cluster.size(); ++i) all.push_back(&scene.cluster.server(i));
  return all;
}
std::vector<RedisServer*> that_of_the_registry(ClusterScene& scene) {
  return {&scene.primary_of("{test:mesh:faults}:heartbeats")};
}
std::vector<RedisServer*> that_of_its_channel(ClusterScene& scene) {
  return {&scene.primary_of(channel_of(scene.a->id()))};
}
std::vector<RedisServer*> that_of_whom_it_calls(ClusterScene& scene) {
  return {&scene.primary_of(channel_of(scene.b->id()))};
}

/// For what gtest says of a failure.
void PrintTo(const Away& away, std::ostream* out) { *out << away.name; }

std::vector<Away> all_that_may_be_away() {
  return {{"AllHang", all_of, hang, go_on},
          {"AllAreGone", all_of, go, nullptr},
          {"ThatOfTheRegistryHangs", that_of_the_registry, hang, go_on},
          {"ThatOfTheRegistryIsGone", that_of_the_registry, go, nullptr},
          {"ThatOfItsChannelHangs", that_of_its_channel, hang, go_on},
          {"ThatOfWhomItCallsHangs", that_of_whom_it_calls, hang, go_on}};
}

asio::awaitable<void> stop_or_destroy(ClusterScene& scene, bool is_stopped) {
  const auto begin = std::chrono::steady_clock::now();
  if (is_stopped) {
    co_await scene.a->node.stop();
    EXPECT_EQ(scene.a->id(), 0);
    EXPECT_FALSE(scene.a->node.leader().is_leader());
  } else {
    scene.a.reset();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, scene.stop_timeout + scene.grace);
}

asio::awaitable<void> expect_end(const Away& away, bool is_stopped) {
  ClusterScene scene(co_await asio::this_coro::executor);
  co_await scene.b->node.start();
  co_await scene.a->node.start();
  const InstanceId target = scene.b->id();
  CO_ASSERT_TRUE(co_await echoes(scene.a->node, target, 60s));
  const auto call_before = scene.begin_call(target);
  const std::vector<RedisServer*> affected = away.affected(scene);
  for (RedisServer* const server : affected) away.enter(*server);
  const auto call_within = scene.begin_call(target);

  co_await stop_or_destroy(scene, is_stopped);
  co_await expect_stopped(call_before);
  co_await expect_stopped(call_within);
  if (away.leave != nullptr) {
    for (RedisServer* const server : affected) away.leave(*server);
  }
  if (is_stopped && away.leave != nullptr) {
    co_await scene.a->node.start();
    EXPECT_TRUE(co_await recovers(scene.a->node, scene.b->id()));
    co_await scene.a->node.stop();
  }
  co_await scene.b->node.stop();
  // And run_coroutine() sees that nothing stays behind.
}

class EndsOnCluster : public ::testing::TestWithParam<Away> {};

TEST_P(EndsOnCluster, ByStop) {
  const Away& away = GetParam();
  run_coroutine([&]() -> asio::awaitable<void> { co_await expect_end(away, true); });
}

TEST_P(EndsOnCluster, ByDestruction) {
  const Away& away = GetParam();
  run_coroutine([&]() -> asio::awaitable<void> { co_await expect_end(away, false); });
}

INSTANTIATE_TEST_SUITE_P(Fault, EndsOnCluster, ::testing::ValuesIn(all_that_may_be_away()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace mesh::test::faults
