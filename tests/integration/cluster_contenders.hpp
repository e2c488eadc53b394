#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <integration/sentinel_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_cluster.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {

inline const std::string cluster_lock = "{test:leader:feature}:lock";

inline LeaderOptions quick_on_cluster() {
  LeaderOptions options;
  options.ttl = 2s;
  options.renewal_interval = 200ms;
  options.retry_delay = 100ms;
  return options;
}

/// With a term that no slow machine lets run out.
inline LeaderOptions enduring_on_cluster() {
  LeaderOptions options = quick_on_cluster();
  options.ttl = 60s;
  options.wait_after_data_loss = false;
  return options;
}

/// Two that stand for election, and what is to be said of all terms.
class Contenders {
 public:
  Contenders(const asio::any_io_executor& executor, const RedisOptions& redis,
             const LeaderOptions& options)
      : one(executor, "feature", options, redis, log.sink()),
        other(executor, "feature", options, redis, log.sink()) {
    for (LeaderService* const service : {&one, &other}) {
      service->set_became_leader_callback([this, service] {
        const std::lock_guard<std::mutex> lock(mutex_);
        tokens_.push_back(service->fencing_token());
        EXPECT_FALSE(one.is_leader() && other.is_leader());
      });
      service->start();
    }
  }

  asio::awaitable<bool> one_leads() {
    const auto leads = [this] { return one.is_leader() != other.is_leader(); };
    co_return co_await eventually(leads, 60s);
  }
  LeaderService& leader() { return one.is_leader() ? one : other; }
  asio::awaitable<void> stop() {
    co_await one.stop();
    co_await other.stop();
    const auto all = tokens();
    for (std::size_t i = 1; i < all.size(); ++i) EXPECT_GT(all[i], all[i - 1]);
  }
  /// Of all terms.
  std::vector<std::int64_t> tokens() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return tokens_;
  }

  LogCapture log;

 private:
  std::mutex mutex_;  // this and the tokens outlive the callbacks
  std::vector<std::int64_t> tokens_;

 public:
  LeaderService one;
  LeaderService other;
};

inline std::uint16_t slot_of_lock(RedisCluster& cluster) {
  return cluster.server(0).command({"CLUSTER", "KEYSLOT", cluster_lock}).get<std::uint16_t>();
}

/// The body gets the cluster, the slot of the lock, and contenders of whom one leads.
template <typename Body>
void with_leader(Body body, const LeaderOptions& leader_options,
                 RedisClusterOptions cluster_options = {},
                 std::function<RedisAddress(RedisAddress)> cluster_address = {}) {
  RedisCluster cluster(std::move(cluster_options));
  const std::uint16_t slot = slot_of_lock(cluster);
  const auto run = [&](asio::io_context& context) -> asio::awaitable<void> {
    RedisOptions redis = cluster.options();
    redis.cluster_address = cluster_address;
    Contenders contenders(context.get_executor(), redis, leader_options);
    EXPECT_TRUE(co_await contenders.one_leads()) << contenders.log.text();
    co_await body(cluster, slot, contenders);
    co_await contenders.stop();
  };
  run_coroutine(run, beside_the_body());
}

inline asio::awaitable<void> expect_to_follow_a_failover(RedisCluster& cluster, std::uint16_t slot,
                                                         Contenders& contenders) {
  cluster.fail_over(slot);
  const auto moves = [&] { return contenders.log.contains("Redis answered MOVED"); };
  EXPECT_TRUE(co_await eventually(moves)) << contenders.log.text();
  EXPECT_TRUE(co_await contenders.one_leads()) << contenders.log.text();
}

}  // namespace mesh::test::faults
