// Channels on a Redis Cluster, where they belong to a slot.
#include <redis/client.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <redis/channel_kind.hpp>
#include <redis/slot.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_cluster.hpp>
#include <support/wait.hpp>
#include <unit/run_on_strand.hpp>

namespace mesh::redis {
namespace {

using namespace std::chrono_literals;

/// One client that is subscribed, and one that publishes.
class ClientInClusterTest : public ::testing::Test {
 protected:
  static constexpr const char* channel = "{test:mesh:key}:node:1";

  std::shared_ptr<Client> make_client(const Strand& strand, RedisOptions options) {
    auto client =
        std::make_shared<Client>(strand, std::move(options), "test", std::size_t{1} << 20U,
                                 log_.sink(), nullptr, slot_of(channel));
    Client::Events events;
    events.on_message = [this](std::string_view where, std::string_view text) {
      if (where == channel) received_.emplace_back(text);
    };
    events.on_ready = [this] { ++times_ready_; };
    client->set_events(std::move(events));
    client->open();
    return client;
  }

  /// That the first primary and the last replica are asked where the slot is.
  RedisOptions options() { return with_rights(cluster_.options()); }
  /// That only this node is.
  RedisOptions options_by(const test::RedisServer& asked) {
    RedisOptions result = cluster_.options();
    result.cluster = "127.0.0.1:" + std::to_string(asked.port());
    return with_rights(std::move(result));
  }

  /// With which `before_question_` runs once when a server is about to be asked, such as whether a
  /// subscription there counts.
  RedisOptions options_that_tell_of_questions() {
    RedisOptions result = options_by(cluster_.another_primary(slot()));
    result.cluster_address = [this](const RedisAddress& named) {
      if (const auto once = std::exchange(before_question_, nullptr)) once();
      return named;
    };
    return result;
  }

  asio::awaitable<void> close(std::shared_ptr<Client> client) {
    client->close();
    const bool has_ended = co_await client->join_until(test::soon());
    EXPECT_TRUE(has_ended);
  }

  /// The subscriber gets what the publisher sends, wherever the slot is, and is the only one.
  asio::awaitable<void> expect_to_receive(std::shared_ptr<Client> publisher, std::string what) {
    std::int64_t receivers = 0;
    std::string text;
    const auto is_received = [&, attempt = 0]() mutable -> asio::awaitable<bool> {
      text = what + " " + std::to_string(++attempt);
      // A primary that has become a replica still publishes, though it does not count; but it has
      // no keys to offer.
      Command key{"EXISTS", channel};
      co_await publisher->request(std::move(key), test::soon());
      Command command{words_of(publisher->channel_kind()).publish, channel, text};
      const Reply reply = co_await publisher->request(std::move(command), test::soon());
      receivers = reply.integer;
      co_return receivers > 0;
    };
    const bool is_counted = co_await test::eventually(is_received, 60s);
    EXPECT_TRUE(is_counted) << what << "\n" << log_.text();
    EXPECT_EQ(receivers, 1) << text << "\n" << log_.text();
    const auto has_come = [&] { return std::ranges::count(received_, text) == 1; };
    const bool comes = co_await test::eventually(has_come);
    EXPECT_TRUE(comes) << text << "\n" << log_.text();
  }

  /// Runs the body with both.
  template <typename Body>
  void with_both(Body body) {
    test::run_on_strand([&](const Strand& strand) -> asio::awaitable<void> {
      const auto subscriber = make_client(strand, options());
      const auto publisher = make_client(strand, options());
      co_await subscriber->subscribe(channel, test::soon());
      co_await publisher->wait_ready(test::soon());
      co_await body(subscriber, publisher);
      co_await close(subscriber);
      co_await close(publisher);
    });
  }

  std::uint16_t slot() const { return slot_of(channel); }
  void move_slot(test::RedisServer& from, test::RedisServer& to) {
    cluster_.begin_migration(slot(), from, to);
    cluster_.move_keys(slot(), from, to);
    cluster_.end_migration(slot(), to);
  }
  std::int64_t subscribers_at(test::RedisServer& server) {
    return server.command({"PUBSUB", "SHARDNUMSUB", channel}).at(1).get<std::int64_t>();
  }
  /// How many messages this server has been passed on by others.
  static std::int64_t passed_on_to(test::RedisServer& server) {
    const std::string info = server.probe().text({"CLUSTER", "INFO"});
    const std::string field = "publishshard_received:";
    const auto place = info.find(field);
    return place == std::string::npos ? 0 : std::stoll(info.substr(place + field.size()));
  }

  test::RedisCluster cluster_;
  test::LogCapture log_;
  std::vector<std::string> received_;
  int times_ready_ = 0;
  std::function<void()> before_question_;

 private:
  static RedisOptions with_rights(RedisOptions options) {
    options.username.clear();
    options.password.clear();
    return options;
  }
};

TEST_F(ClientInClusterTest, ReceivesWhatAnotherPublishes) {
  with_both([this](std::shared_ptr<Client> subscriber,
                   std::shared_ptr<Client> publisher) -> asio::awaitable<void> {
    EXPECT_EQ(subscriber->channel_kind(), ChannelKind::sharded);
    co_await expect_to_receive(publisher, "by a command");
    received_.clear();
    std::vector<std::int64_t> receivers;
    // At once, and where it waits behind others.
    for (const std::size_t size : {std::size_t{10}, std::size_t{400'000}, std::size_t{11}}) {
      publisher->publish(
          channel, std::string(size, 'x'), test::soon(),
          [&receivers](const Outcome& outcome) { receivers.push_back(outcome.reply.integer); });
    }
    const auto have_come = [&] { return received_.size() == 3 && receivers.size() == 3; };
    const bool come = co_await test::eventually(have_come);
    EXPECT_TRUE(come) << log_.text();
    EXPECT_EQ(receivers, (std::vector<std::int64_t>{1, 1, 1}));
    test::RedisServer& primary = cluster_.primary_of(slot());
    EXPECT_EQ(subscribers_at(primary), 1);
    EXPECT_EQ(primary.probe().subscribers(channel), 0) << "of a classic channel";
  });
}

TEST_F(ClientInClusterTest, WhatIsNotSubscribedAnyMoreDoesNotCome) {
  with_both([this](std::shared_ptr<Client> subscriber,
                   std::shared_ptr<Client> publisher) -> asio::awaitable<void> {
    const std::string other = std::string(channel) + "1";
    co_await subscriber->subscribe(other, test::soon());
    subscriber->unsubscribe(other);
    Command command{"SPUBLISH", other, "late"};
    const auto nobody_listens = [&]() -> asio::awaitable<bool> {
      Command again = command;
      const Reply reply = co_await publisher->request(std::move(again), test::soon());
      co_return reply.integer == 0;
    };
    const bool is_over = co_await test::eventually(nobody_listens);
    EXPECT_TRUE(is_over);
    received_.clear();
    co_await expect_to_receive(publisher, "still");
    EXPECT_EQ(times_ready_, 2) << "one of them has connected again\n" << log_.text();
  });
}

TEST_F(ClientInClusterTest, FollowsTheSlotThereAndBack) {
  with_both([this](std::shared_ptr<Client> /*subscriber*/,
                   std::shared_ptr<Client> publisher) -> asio::awaitable<void> {
    test::RedisServer& home = cluster_.primary_of(slot());
    test::RedisServer& away = cluster_.another_primary(slot());
    co_await expect_to_receive(publisher, "at home");
    cluster_.begin_migration(slot(), home, away);
    co_await expect_to_receive(publisher, "on the way");
    cluster_.end_migration(slot(), away);
    co_await expect_to_receive(publisher, "away");
    EXPECT_EQ(subscribers_at(away), 1);
    EXPECT_TRUE(log_.contains(slot_is_elsewhere)) << log_.text();
    move_slot(away, home);
    co_await expect_to_receive(publisher, "at home again");
  });
}

TEST_F(ClientInClusterTest, FollowsAFailoverInGoodOrder) {
  with_both([this](std::shared_ptr<Client> /*subscriber*/,
                   std::shared_ptr<Client> publisher) -> asio::awaitable<void> {
    // The clients see how the nodes come to agree.
    auto change = std::async(std::launch::async, [this] { cluster_.fail_over(slot()); });
    const auto is_over = [&] { return change.wait_for(0s) == std::future_status::ready; };
    const bool ends = co_await test::eventually(is_over, 120s);
    CO_ASSERT_TRUE(ends);
    change.get();
    co_await expect_to_receive(publisher, "at the successor");
    EXPECT_EQ(subscribers_at(cluster_.primary_of(slot())), 1);
    EXPECT_TRUE(log_.contains(slot_is_elsewhere)) << log_.text();
  });
}

TEST_F(ClientInClusterTest, SubscribesWhereTheSlotWentAfterItHadConnected) {
  test::run_on_strand([&](const Strand& strand) -> asio::awaitable<void> {
    const auto subscriber = make_client(strand, options());
    const auto publisher = make_client(strand, options());
    co_await subscriber->wait_ready(test::soon());
    move_slot(cluster_.primary_of(slot()), cluster_.another_primary(slot()));
    co_await subscriber->subscribe(channel, test::soon());
    EXPECT_TRUE(log_.contains("MOVED")) << log_.text();
    co_await expect_to_receive(publisher, "away");
    co_await close(subscriber);
    co_await close(publisher);
  });
}

// It would take the subscription.
TEST_F(ClientInClusterTest, DoesNotSubscribeAtAPrimaryThatHasBecomeAReplica) {
  test::run_on_strand([&](const Strand& strand) -> asio::awaitable<void> {
    const auto subscriber = make_client(strand, options());
    const auto publisher = make_client(strand, options());
    co_await subscriber->wait_ready(test::soon());
    test::RedisServer& former = cluster_.primary_of(slot());
    cluster_.fail_over(slot());
    co_await subscriber->subscribe(channel, test::soon());
    EXPECT_EQ(subscribers_at(former), 0) << log_.text();
    co_await expect_to_receive(publisher, "at the successor");
    co_await close(subscriber);
    co_await close(publisher);
  });
}

// Members of a shard pass on to each other what is published at their primary, which does not count
// those who listen there.
TEST_F(ClientInClusterTest, WhatNobodyIsSaidToHaveReceivedIsNotReceived) {
  test::run_on_strand([&](const Strand& strand) -> asio::awaitable<void> {
    test::RedisServer& former = cluster_.primary_of(slot());
    const auto subscriber = make_client(strand, options_that_tell_of_questions());
    const auto publisher = make_client(strand, options());
    co_await subscriber->wait_ready(test::soon());
    cluster_.fail_over(slot());
    test::RedisServer& successor = cluster_.primary_of(slot());
    std::int64_t heard = 0;
    const auto pass_one_on = [&] {
      const auto before = passed_on_to(former);
      test::require_soon("a message: passed on", [&] {
        heard += successor.probe().integer({"SPUBLISH", channel, "unheard"});
        return passed_on_to(former) > before;
      });
    };
    before_question_ = pass_one_on;
    co_await subscriber->subscribe(channel, test::soon());
    EXPECT_FALSE(before_question_) << log_.text();
    EXPECT_EQ(heard, 0);
    co_await expect_to_receive(publisher, "at the successor");
    EXPECT_NE(received_.front(), "unheard") << log_.text();
    co_await close(subscriber);
    co_await close(publisher);
  });
}

TEST_F(ClientInClusterTest, WhatComesBeforeASubscriptionIsKnownToCountIsReceived) {
  test::run_on_strand([&](const Strand& strand) -> asio::awaitable<void> {
    test::RedisServer& primary = cluster_.primary_of(slot());
    const auto subscriber = make_client(strand, options_that_tell_of_questions());
    co_await subscriber->wait_ready(test::soon());
    before_question_ = [&] {
      for (const char* text : {"one", "two"}) {
        EXPECT_EQ(primary.probe().integer({"SPUBLISH", channel, text}), 1);
      }
    };
    co_await subscriber->subscribe(channel, test::soon());
    const auto have_come = [&] { return received_.size() == 2; };
    const bool come = co_await test::eventually(have_come);
    EXPECT_TRUE(come) << log_.text();
    EXPECT_EQ(received_, (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(times_ready_, 1) << log_.text();
    co_await close(subscriber);
  });
}

TEST_F(ClientInClusterTest, WhereItIsNotSaidWhoHasTheSlotSubscriptionsFail) {
  test::run_on_strand([&](const Strand& strand) -> asio::awaitable<void> {
    test::RedisServer& primary = cluster_.primary_of(slot());
    primary.command({"ACL", "SETUSER", "blind", "on", ">secret", "allchannels", "~*", "+@all",
                     "-cluster|nodes"});
    RedisOptions redis = options_by(primary);
    redis.username = "blind";
    redis.password = "secret";
    const auto subscriber = make_client(strand, redis);
    const auto error = co_await test::expect_error<MeshConnectionError>(
        subscriber->subscribe(channel, Clock::now() + 500ms));
    CO_ASSERT_TRUE(error);
    EXPECT_NE(std::string(error->what()).find(slot_is_unclear), std::string::npos) << error->what();
    co_await close(subscriber);
  });
}

TEST_F(ClientInClusterTest, WhatIsNotPermittedIsNotTriedAgain) {
  test::run_on_strand([&](const Strand& strand) -> asio::awaitable<void> {
    test::RedisServer& primary = cluster_.primary_of(slot());
    primary.command({"ACL", "SETUSER", "deaf", "on", ">secret", "resetchannels", "~*", "+@all"});
    RedisOptions redis = options_by(primary);
    redis.username = "deaf";
    redis.password = "secret";
    const auto subscriber = make_client(strand, redis);
    const auto error = co_await test::expect_error<MeshConnectionError>(
        subscriber->subscribe(channel, test::soon()));
    CO_ASSERT_TRUE(error);
    EXPECT_NE(std::string(error->what()).find("NOPERM"), std::string::npos) << error->what();
    co_await close(subscriber);
  });
}

}  // namespace
}  // namespace mesh::redis
