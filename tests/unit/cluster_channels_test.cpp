#include <core/cluster_channels.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <core/keys.hpp>
#include <redis/slot.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_cluster.hpp>
#include <unit/run_on_strand.hpp>

namespace mesh::core {
namespace {

using namespace std::chrono_literals;

constexpr InstanceId listening_node = 7;
constexpr InstanceId silent_node = 8;

/// What is published to nodes on a cluster, of which one is subscribed.
class ClusterChannelsTest : public ::testing::Test {
 protected:
  void run(const std::function<asio::awaitable<void>()>& body) {
    test::run_on_strand([this, &body](Strand strand) -> asio::awaitable<void> {
      co_await open(strand);
      co_await body();
      co_await close();
    });
  }

  asio::awaitable<void> open(Strand strand) {
    const std::uint16_t slot = redis::slot_of(keys_.node_channel(listening_node));
    registry_ = make_client(strand, keys_.slot());
    subscriber_ = make_client(strand, slot);
    primaries_ = std::make_shared<redis::Primaries>(strand, cluster_.options(), queued_bytes,
                                                    log_.sink(), registry_, keys_.slot());
    redis::Client::Events registry;
    registry.on_ready = [this] { primaries_->on_first_changed(); };
    registry.on_lost = registry.on_ready;
    registry.on_slots = [this](const redis::SlotMap& map) { primaries_->on_slots(map); };
    registry.on_redirection = [this](const redis::Redirection& redirection) {
      primaries_->on_redirection(redirection);
    };
    registry_->set_events(std::move(registry));
    redis::Client::Events subscriber;
    subscriber.on_message = [this](std::string_view /*channel*/, std::string_view text) {
      received_.emplace_back(text);
    };
    subscriber_->set_events(std::move(subscriber));
    channels_ = std::make_shared<ClusterChannels>(registry_, primaries_, keys_);
    registry_->open();
    subscriber_->open();
    co_await registry_->wait_ready(test::soon());
    co_await subscriber_->subscribe(keys_.node_channel(listening_node), test::soon());
  }

  asio::awaitable<void> close() {
    subscriber_->close();
    primaries_->close();
    registry_->close();
    EXPECT_TRUE(co_await subscriber_->join_until(test::soon()));
    EXPECT_TRUE(co_await primaries_->join_until(test::soon()));
    EXPECT_TRUE(co_await registry_->join_until(test::soon()));
    channels_.reset();
    primaries_.reset();
    subscriber_.reset();
    registry_.reset();
  }

  std::shared_ptr<redis::Client> make_client(const Strand& strand, std::uint16_t slot) {
    return std::make_shared<redis::Client>(strand, cluster_.options(), "test", queued_bytes,
                                           log_.sink(), nullptr, slot);
  }

  asio::awaitable<bool> receives(std::string text) {
    const auto is_received = [&] { return std::ranges::find(received_, text) != received_.end(); };
    co_return co_await test::eventually(is_received, 60s);
  }

  /// What is answered to what `publish` submits with the callback that it is given.
  asio::awaitable<redis::Outcome> outcome_of(
      std::function<void(redis::OutcomeCallback&& callback)> publish) {
    const auto outcome = std::make_shared<std::optional<redis::Outcome>>();
    publish([outcome](redis::Outcome&& answered) { *outcome = std::move(answered); });
    const auto is_there = [outcome] { return outcome->has_value(); };
    EXPECT_TRUE(co_await test::eventually(is_there, 60s));
    co_return outcome->value_or(redis::Outcome{redis::Failure::expired});
  }
  asio::awaitable<redis::Outcome> publish(InstanceId target, std::string text) {
    std::function<void(redis::OutcomeCallback &&)> send =
        [this, target, text](redis::OutcomeCallback&& callback) {
          channels_->publish(target, text, test::soon(), std::move(callback), 1);
        };
    co_return co_await outcome_of(std::move(send));
  }
  asio::awaitable<std::int64_t> repeat(std::string owner) {
    std::function<void(redis::OutcomeCallback &&)> send = [this, owner](
                                                              redis::OutcomeCallback&& callback) {
      channels_->publish_again(listening_node, "again", owner, test::soon(), std::move(callback));
    };
    const redis::Outcome outcome = co_await outcome_of(std::move(send));
    EXPECT_EQ(outcome.failure, redis::Failure::none);
    co_return outcome.reply.integer;
  }
  asio::awaitable<NodeChannels::Answer> explain_zero(InstanceId target, TimePoint sent_at) {
    const auto answer = std::make_shared<std::optional<NodeChannels::Answer>>();
    channels_->ask_after_zero(
        target, sent_at, test::soon(),
        [answer](const NodeChannels::Answer& answered) { *answer = answered; });
    const auto is_there = [answer] { return answer->has_value(); };
    EXPECT_TRUE(co_await test::eventually(is_there, 60s));
    co_return answer->value_or(NodeChannels::Answer());
  }

  void own(const std::string& owner) {
    cluster_.primary_of(keys_.slot()).command({"SET", keys_.owner(listening_node), owner});
  }
  std::uint16_t slot_of(InstanceId node) { return redis::slot_of(keys_.node_channel(node)); }

  static constexpr std::size_t queued_bytes = std::size_t{1} << 20U;

  test::RedisCluster cluster_;
  Keys keys_{cluster_.options(), "channels"};
  test::LogCapture log_;
  std::shared_ptr<redis::Client> registry_;
  std::shared_ptr<redis::Client> subscriber_;
  std::shared_ptr<redis::Primaries> primaries_;
  std::shared_ptr<ClusterChannels> channels_;
  std::vector<std::string> received_;
};

// Nobody has told where the slot is now, nor does anybody hear of the redirection.
TEST_F(ClusterChannelsTest, AHintFollowsItsSlot) {
  run([this]() -> asio::awaitable<void> {
    channels_->publish_hint(listening_node, "before", test::soon());
    EXPECT_TRUE(co_await receives("before"));
    test::RedisServer& from = cluster_.primary_of(slot_of(listening_node));
    test::RedisServer& to = cluster_.another_primary(slot_of(listening_node));
    cluster_.begin_migration(slot_of(listening_node), from, to);
    cluster_.end_migration(slot_of(listening_node), to);
    const auto is_subscribed_there = [&] {
      return subscriber_->connected_to() && subscriber_->connected_to()->port == to.port();
    };
    EXPECT_TRUE(co_await test::eventually(is_subscribed_there, 60s)) << log_.text();
    channels_->publish_hint(listening_node, "after", test::soon());
    EXPECT_TRUE(co_await receives("after")) << log_.text();
    EXPECT_EQ(std::ranges::count(received_, "after"), 1);
  });
}

TEST_F(ClusterChannelsTest, ZeroIsCertainWhereThePrimarySaysSo) {
  run([this]() -> asio::awaitable<void> {
    EXPECT_EQ((co_await publish(listening_node, "hello")).reply.integer, 1);
    const redis::Outcome outcome = co_await publish(silent_node, "hello");
    EXPECT_EQ(outcome.reply.integer, 0);
    const auto answer = co_await explain_zero(silent_node, Clock::now());
    EXPECT_TRUE(answer.found.has_value());
    EXPECT_EQ(answer.found.value_or(Listeners{5}).own, 0);
    EXPECT_FALSE(answer.found.value_or(Listeners{}).heartbeat.has_value());
  });
}

TEST_F(ClusterChannelsTest, ZeroIsNotCertainWhereSomethingHasMovedSince) {
  run([this]() -> asio::awaitable<void> {
    const auto sent_at = Clock::now();
    EXPECT_EQ((co_await publish(silent_node, "hello")).reply.integer, 0);
    primaries_->on_first_changed();
    EXPECT_FALSE((co_await explain_zero(silent_node, sent_at)).found);
  });
}

// It passes the message on, so that a 0 of it means nothing.
TEST_F(ClusterChannelsTest, ZeroOfAPrimaryThatHasBecomeAReplicaIsNotCertain) {
  run([this]() -> asio::awaitable<void> {
    EXPECT_EQ((co_await publish(listening_node, "first")).reply.integer, 1);
    cluster_.fail_over(slot_of(listening_node));
    bool was_in_doubt = false;
    const auto sees_the_new_one = [&]() -> asio::awaitable<bool> {
      const auto sent_at = Clock::now();
      const redis::Outcome outcome = co_await publish(listening_node, "again");
      if (outcome.reply.integer > 0) co_return true;
      if (outcome.reply.is_error() || outcome.failure != redis::Failure::none) co_return false;
      const auto answer = co_await explain_zero(listening_node, sent_at);
      // The subscriber may be on its way, and then nobody gets it at the new one.
      const bool is_elsewhere = answer.refusal.starts_with("MOVED");
      was_in_doubt = was_in_doubt || (is_elsewhere && !answer.found);
      EXPECT_FALSE(is_elsewhere && answer.found);
      co_return false;
    };
    EXPECT_TRUE(co_await test::eventually(sees_the_new_one, 60s)) << log_.text();
    EXPECT_TRUE(was_in_doubt);
  });
}

TEST_F(ClusterChannelsTest, ARepetitionIsForOneOwner) {
  run([this]() -> asio::awaitable<void> {
    EXPECT_EQ(co_await repeat("mine"), -1);
    own("another");
    EXPECT_EQ(co_await repeat("mine"), -2);
    EXPECT_TRUE(received_.empty());
    own("mine");
    EXPECT_EQ(co_await repeat("mine"), 1);
    EXPECT_TRUE(co_await receives("again"));
  });
}

}  // namespace
}  // namespace mesh::core
