#include <redis/primaries.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <redis/slot.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_cluster.hpp>
#include <unit/run_on_strand.hpp>

namespace mesh::redis {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t slot_of_first_client = 3;

/// A key in each slot.
const std::vector<std::string>& keys_by_slot() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> keys(slot_count);
    std::size_t missing = slot_count;
    for (std::size_t i = 0; missing > 0; ++i) {
      std::string key = "key" + std::to_string(i);
      std::string& place = keys[slot_of(key)];
      if (!place.empty()) continue;
      place = std::move(key);
      --missing;
    }
    return keys;
  }();
  return all;
}

/// g++ 12 has no lists in braces beside `co_await`.
template <typename... Numbers>
std::vector<std::uint16_t> slots(Numbers... numbers) {
  return {static_cast<std::uint16_t>(numbers)...};
}

std::vector<std::uint16_t> slots_apart(std::size_t count) {
  std::vector<std::uint16_t> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(static_cast<std::uint16_t>(i * slot_count / count + 1));
  }
  return all;
}

/// Connections to a cluster by which keys are set.
class PrimariesTest : public ::testing::Test {
 protected:
  void use(test::RedisClusterOptions options) {
    cluster_ = std::make_unique<test::RedisCluster>(std::move(options));
  }

  /// What `body`, a coroutine, does with all that.
  template <typename Body>
  void run(Body body) {
    if (!cluster_) use({});
    test::run_on_strand([this, &body](Strand strand) -> asio::awaitable<void> {
      make(strand);
      co_await body();
      co_await close();
    });
  }

  asio::awaitable<void> open() {
    first_->open();
    co_await first_->wait_ready(test::soon());
  }

  /// One attempt.
  asio::awaitable<Outcome> try_to_set(std::uint16_t slot) {
    const auto outcome = std::make_shared<std::optional<Outcome>>();
    submit(slot, outcome);
    const auto is_there = [outcome] { return outcome->has_value(); };
    EXPECT_TRUE(co_await test::eventually(is_there, 60s)) << log_.text();
    co_return outcome->value_or(Outcome{Failure::expired});
  }

  /// False if it has not come to be in a minute.
  asio::awaitable<bool> set(std::uint16_t slot) {
    const auto is_set = [this, slot]() -> asio::awaitable<bool> {
      const Outcome outcome = co_await try_to_set(slot);
      co_return outcome.failure == Failure::none&& outcome.reply.text == "OK";
    };
    co_return co_await test::eventually(is_set, 60s);
  }
  asio::awaitable<void> expect_to_set(std::vector<std::uint16_t> all) {
    for (const std::uint16_t slot : all) {
      EXPECT_TRUE(co_await set(slot)) << slot << "\n" << log_.text();
    }
  }
  asio::awaitable<bool> are_eventually(std::size_t count) {
    co_return co_await test::eventually([this, count] { return primaries_->size() == count; });
  }

  void submit(std::uint16_t slot, std::shared_ptr<std::optional<Outcome>> outcome) {
    primaries_->of(slot)->submit(
        Command{"SET", keys_by_slot()[slot], "value"}, Clock::now() + 50s,
        [outcome = std::move(outcome)](Outcome&& what) { *outcome = std::move(what); });
  }

  void migrate(std::uint16_t slot) {
    test::RedisServer& from = cluster_->primary_of(slot);
    test::RedisServer& to = cluster_->another_primary(slot);
    cluster_->begin_migration(slot, from, to);
    cluster_->move_keys(slot, from, to);
    cluster_->end_migration(slot, to);
  }

  RedisOptions options() const {
    RedisOptions options = cluster_->options();
    options.username.clear();  // the test's own user may not set such keys
    options.password.clear();
    options.cluster_address = cluster_address_;
    options.health_check_interval = health_check_interval_;
    return options;
  }

  std::unique_ptr<test::RedisCluster> cluster_;
  std::function<RedisAddress(RedisAddress)> cluster_address_;
  test::LogCapture log_;
  std::shared_ptr<Client> first_;
  std::shared_ptr<Primaries> primaries_;
  std::chrono::milliseconds health_check_interval_ = RedisOptions().health_check_interval;
  int maps_told_ = 0;
  int lost_ = 0;
  int reconnected_ = 0;
  int written_ = 0;

 private:
  void make(const Strand& strand) {
    constexpr std::size_t queued_bytes = std::size_t{16} << 20U;
    first_ = std::make_shared<Client>(strand, options(), "first", queued_bytes, log_.sink(),
                                      nullptr, slot_of_first_client);
    primaries_ = std::make_shared<Primaries>(strand, options(), queued_bytes, log_.sink(), first_,
                                             slot_of_first_client);
    Client::Events events;
    events.on_ready = [this] { primaries_->on_first_changed(); };
    events.on_lost = events.on_ready;
    events.on_redirection = [this](const Redirection& redirection) {
      primaries_->on_redirection(redirection);
    };
    events.on_slots = [this](const SlotMap& map) { primaries_->on_slots(map); };
    first_->set_events(std::move(events));
    Primaries::Events all;
    all.before_write = [this] { ++written_; };
    all.on_lost = [this] { ++lost_; };
    all.on_reconnected = [this] { ++reconnected_; };
    all.on_nodes = [this](const SlotMap& /*map*/) { ++maps_told_; };
    primaries_->set_events(std::move(all));
  }

  asio::awaitable<void> close() {
    primaries_->close();
    first_->close();
    EXPECT_TRUE(co_await primaries_->join_until(test::soon()));
    EXPECT_TRUE(co_await first_->join_until(test::soon()));
    primaries_.reset();  // they must not outlive the context
    first_.reset();
  }
};

TEST_F(PrimariesTest, AllSlotsAreReachedByThreeConnections) {
  run([this]() -> asio::awaitable<void> {
    co_await open();
    std::vector<std::shared_ptr<std::optional<Outcome>>> outcomes;
    for (std::size_t slot = 0; slot < slot_count; ++slot) {
      outcomes.push_back(std::make_shared<std::optional<Outcome>>());
      submit(static_cast<std::uint16_t>(slot), outcomes.back());
    }
    EXPECT_EQ(primaries_->size(), 3U);
    for (std::size_t slot = 0; slot < slot_count; ++slot) {
      const auto& outcome = *outcomes[slot];
      EXPECT_TRUE(co_await test::eventually([&outcome] { return outcome.has_value(); }));
      CO_ASSERT_TRUE(outcome);
      EXPECT_EQ(outcome->reply.text, "OK") << slot;
    }
    EXPECT_EQ(primaries_->size(), 3U);
    EXPECT_EQ(primaries_->of(slot_of_first_client), first_);
    EXPECT_GT(written_, 0);
    EXPECT_EQ(lost_, 0);
    EXPECT_EQ(reconnected_, 0);
  });
}

TEST_F(PrimariesTest, WhatIsSubmittedBeforeAnythingIsKnownNeedsNoMoreOfThem) {
  run([this]() -> asio::awaitable<void> {
    first_->open();
    std::vector<std::shared_ptr<std::optional<Outcome>>> outcomes;
    for (const std::uint16_t slot : slots_apart(100)) {
      outcomes.push_back(std::make_shared<std::optional<Outcome>>());
      submit(slot, outcomes.back());
    }
    EXPECT_EQ(primaries_->size(), 2U);
    for (const auto& outcome : outcomes) {
      EXPECT_TRUE(co_await test::eventually([&outcome] { return outcome->has_value(); }));
      CO_ASSERT_TRUE(outcome->has_value());
      EXPECT_EQ((*outcome)->failure, Failure::none);
    }
    for (const std::uint16_t slot : slots_apart(100)) {
      const Outcome outcome = co_await try_to_set(slot);
      EXPECT_EQ(outcome.reply.text, "OK") << slot;
    }
    EXPECT_TRUE(co_await are_eventually(3));
    EXPECT_EQ(reconnected_, 0);
  });
}

TEST_F(PrimariesTest, ASlotThatMovedIsFollowed) {
  run([this]() -> asio::awaitable<void> {
    const std::uint16_t own = 6000;  // of the connection
    const std::uint16_t other = 6001;
    const std::uint16_t third = 6002;
    co_await open();
    co_await expect_to_set(slots(own, other, third, 16000));
    const auto former = primaries_->of(own);
    EXPECT_EQ(primaries_->of(other), former);
    migrate(other);
    const Outcome refused = co_await try_to_set(other);
    EXPECT_TRUE(refused.reply.text.starts_with("MOVED ")) << refused.reply.text;
    EXPECT_NE(primaries_->of(other), former);
    const Outcome accepted = co_await try_to_set(other);
    EXPECT_EQ(accepted.reply.text, "OK");
    EXPECT_TRUE(cluster_->primary_of(other).probe().exists(keys_by_slot()[other]));
    // The link has outlived that.
    EXPECT_EQ(primaries_->of(third), former);
    EXPECT_EQ(lost_, 0);
    migrate(own);
    co_await expect_to_set(slots(own, other, third, 16000));
    EXPECT_EQ(primaries_->of(own), primaries_->of(other));
    EXPECT_NE(primaries_->of(own), primaries_->of(third));
    EXPECT_TRUE(co_await are_eventually(3));
    co_await expect_to_set(slots_apart(30));
    EXPECT_EQ(primaries_->size(), 3U);
  });
}

// Where nothing is sent to them, nothing else tells.
TEST_F(PrimariesTest, NowAndThenThePrimariesAreAskedWhereTheirSlotsHaveGone) {
  health_check_interval_ = 400ms;
  run([this]() -> asio::awaitable<void> {
    const std::uint16_t moved = 6001;
    primaries_->open();
    co_await open();
    co_await expect_to_set(slots(6000, 12000));
    maps_told_ = 0;
    migrate(moved);
    const auto is_known = [&] { return primaries_->of(moved) != primaries_->of(6000); };
    EXPECT_TRUE(co_await test::eventually(is_known)) << log_.text();
    const Outcome accepted = co_await try_to_set(moved);
    EXPECT_EQ(accepted.reply.text, "OK") << accepted.reply.text;
    EXPECT_GT(maps_told_, 0);
  });
}

TEST_F(PrimariesTest, AFailoverInGoodOrderIsFollowed) {
  run([this]() -> asio::awaitable<void> {
    co_await open();
    co_await expect_to_set(slots_apart(30));
    for (const std::uint16_t slot : slots(slot_of_first_client, 6000)) {
      const int before = reconnected_;
      cluster_->fail_over(slot);
      // Of others first, by which the connection does not notice it.
      co_await expect_to_set(slots(static_cast<std::uint16_t>(slot + 1000)));
      co_await expect_to_set(slots_apart(30));
      co_await expect_to_set(slots(slot));
      // Its owner's commands let the first one notice.
      Command command{"SET", keys_by_slot()[slot_of_first_client], "value"};
      const Outcome outcome = co_await first_->execute(std::move(command), test::soon());
      EXPECT_EQ(outcome.reply.text, "OK");
      EXPECT_TRUE(co_await are_eventually(3)) << primaries_->size();
      EXPECT_GT(reconnected_, before);
      co_await expect_to_set(slots_apart(30));
      EXPECT_EQ(primaries_->size(), 3U);
    }
  });
}

TEST_F(PrimariesTest, APrimaryThatDiesIsReplacedForAllItsSlots) {
  test::RedisClusterOptions options;
  options.node_timeout = 1500ms;
  use(std::move(options));
  run([this]() -> asio::awaitable<void> {
    co_await open();
    co_await expect_to_set(slots_apart(30));
    test::RedisServer& former = cluster_->primary_of(6000);
    const auto connection = primaries_->of(6000);
    former.kill();
    EXPECT_TRUE(co_await test::eventually([this] { return lost_ == 1; }));
    // These wait for the new one.
    std::vector<std::shared_ptr<std::optional<Outcome>>> waiting;
    for (std::uint16_t slot = 6000; slot < 6010; ++slot) {
      waiting.push_back(std::make_shared<std::optional<Outcome>>());
      submit(slot, waiting.back());
    }
    EXPECT_EQ(primaries_->of(6000), connection);
    cluster_->await_failover(6000, former);
    for (const auto& outcome : waiting) {
      EXPECT_TRUE(co_await test::eventually([&outcome] { return outcome->has_value(); }));
      CO_ASSERT_TRUE(outcome->has_value());
      EXPECT_EQ((*outcome)->reply.text, "OK") << log_.text();
    }
    EXPECT_GE(reconnected_, 1);
    co_await expect_to_set(slots_apart(30));
    EXPECT_TRUE(co_await are_eventually(3));
    EXPECT_EQ(primaries_->of(6000), connection);
  });
}

/// All slots at one node.
SlotMap map_of_one(const Endpoint& primary) {
  const auto number = [](std::int64_t value) { return Reply{Reply::Kind::integer, value, "", {}}; };
  Reply node{Reply::Kind::array, 0, "", {}};
  node.elements = {Reply{Reply::Kind::text, 0, primary.host, {}}, number(primary.port)};
  Reply range{Reply::Kind::array, 0, "", {}};
  range.elements = {number(0), number(slot_count - 1), std::move(node)};
  return SlotMap::parse(Reply{Reply::Kind::array, 0, "", {std::move(range)}}, primary).value();
}

TEST_F(PrimariesTest, ASuperfluousOneIsClosedOnceNobodyWaitsForIt) {
  run([this]() -> asio::awaitable<void> {
    co_await open();
    co_await expect_to_set(slots(6000, 12000));
    const auto one = primaries_->of(6000);
    const auto other = primaries_->of(12000);
    const auto answer = std::make_shared<std::optional<Outcome>>();
    const std::string list = keys_by_slot()[12001];
    other->submit(Command{"BLPOP", list, "0"}, test::soon(),
                  [answer](Outcome&& outcome) { *answer = std::move(outcome); });
    primaries_->on_slots(map_of_one(*first_->connected_to()));
    EXPECT_EQ(primaries_->of(6000), first_);
    EXPECT_EQ(primaries_->of(12000), first_);
    // Redirected again and again.
    Command misled{"GET", keys_by_slot()[1]};
    const Outcome outcome = co_await one->execute(std::move(misled), Clock::now() + 2s);
    EXPECT_TRUE(outcome.reply.text.starts_with("MOVED ")) << outcome.reply.text;
    EXPECT_TRUE(co_await are_eventually(2)) << primaries_->size();
    EXPECT_FALSE(answer->has_value());
    cluster_->primary_of(12001).command({"LPUSH", list, "value"});
    EXPECT_TRUE(co_await are_eventually(1)) << primaries_->size();
    CO_ASSERT_TRUE(answer->has_value());
    EXPECT_EQ((*answer)->failure, Failure::none);
    EXPECT_EQ(lost_, 0);
  });
}

TEST_F(PrimariesTest, NodesAreKnownByTheirNamesAndReachedByTheCallback) {
  test::RedisClusterOptions options;
  options.announced_host = "node.cluster.invalid";
  use(std::move(options));
  cluster_address_ = [](const RedisAddress& announced) {
    return RedisAddress{"127.0.0.1", announced.port};
  };
  run([this]() -> asio::awaitable<void> {
    co_await open();
    co_await expect_to_set(slots_apart(30));
    EXPECT_EQ(primaries_->size(), 3U);
    migrate(6000);
    co_await expect_to_set(slots(6000, 6001));
    EXPECT_TRUE(co_await are_eventually(3));
  });
}

TEST_F(PrimariesTest, WhatWaitsWhenTheyCloseAndWhatComesLaterIsRefused) {
  run([this]() -> asio::awaitable<void> {
    co_await open();
    const auto waiting = std::make_shared<std::optional<Outcome>>();
    submit(6000, waiting);
    primaries_->close();
    CO_ASSERT_TRUE(waiting->has_value());
    EXPECT_EQ((*waiting)->failure, Failure::stopped);
    for (const std::uint16_t slot : slots(6000, 12000)) {
      const auto late = std::make_shared<std::optional<Outcome>>();
      submit(slot, late);
      CO_ASSERT_TRUE(late->has_value());
      EXPECT_EQ((*late)->failure, Failure::stopped);
    }
    // The first is its owner's.
    EXPECT_TRUE(co_await set(slot_of_first_client));
  });
}

}  // namespace
}  // namespace mesh::redis
