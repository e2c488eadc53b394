#include <core/packer.hpp>
#include <core/single_redis_channels.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <core/node_features.hpp>
#include <support/channel_recorder.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::core {
namespace {

using namespace std::chrono_literals;

/// A packer on a connection where the system keeps little.
class PackerTest : public ::testing::Test {
 protected:
  static constexpr Packer::Address address{7, own_features};
  static constexpr std::size_t kib = std::size_t{1} << 10U;

  asio::awaitable<void> open(std::size_t queued_bytes = std::size_t{64} << 20U) {
    RedisOptions options = server_.admin_options();
    options.unix_socket = server_.socket();
    client_ = std::make_shared<redis::Client>(Strand(co_await asio::this_coro::executor), options,
                                              "test", queued_bytes, log_.sink());
    const Keys keys(options, "packer");
    channel_ = keys.node_channel(address.node);
    packer_ = std::make_shared<Packer>(std::make_shared<SingleRedisChannels>(client_, keys));
    packer_->set_events({[this](const RequestId& id, const redis::Outcome& outcome) {
                           outcomes_[std::string(id.view())].push_back(outcome.failure);
                         },
                         [this](OutgoingResponse&& response, const redis::Outcome& outcome) {
                           outcomes_[response.message].push_back(outcome.failure);
                         }});
    redis::Client::Events events;
    events.before_write = [this] {
      ++writes_;
      packer_->flush();
    };
    events.on_lost = [this] { packer_->flush(); };
    client_->set_events(std::move(events));
    client_->open();
    co_await client_->wait_ready(Clock::now() + 10s);
  }
  asio::awaitable<void> close() {
    client_->close();
    co_await client_->join_until(Clock::now() + 10s);
    client_.reset();  // it must not outlive the context
    packer_.reset();
  }

  void send(const std::string& id, std::size_t size = 10) {
    packer_->send_request(id, address, id + std::string(size, 'x'), Clock::now() + 1min);
  }

  /// One of each kind.
  void send_all_kinds(TimePoint deadline) {
    packer_->send_request("request", address, "1", deadline);
    packer_->send_response({address.node, "response", deadline, nullptr, address.features});
    packer_->send_hint(address, "2", deadline);
  }

  /// The messages, whether in frames or by themselves.
  static std::vector<std::string> parts_of(const test::ChannelRecorder& recorder) {
    std::vector<std::string> parts;
    for (const auto& message : recorder.messages()) {
      if (!wire::is_frame(message.payload)) {
        parts.push_back(message.payload);
        continue;
      }
      wire::FrameReader frame(message.payload);
      while (const auto part = frame.next()) parts.emplace_back(*part);
    }
    return parts;
  }

  /// Until the system takes no more, and so nothing is written any more.
  asio::awaitable<void> fill_connection() {
    server_.pause();
    int before = 0;
    const auto has_written = [&] { return writes_ > before; };
    do {
      before = writes_;
      client_->publish("elsewhere", std::string(20 * kib, 'x'), Clock::now() + 1min,
                       [](const redis::Outcome&) {});
      client_->want_write();
    } while (co_await test::eventually(has_written, 200ms));
  }

  test::RedisServer server_;
  test::LogCapture log_;
  std::shared_ptr<redis::Client> client_;
  std::shared_ptr<Packer> packer_;
  std::string channel_;
  std::map<std::string, std::vector<redis::Failure>> outcomes_;  // by request id, or response
  int writes_ = 0;
};

TEST_F(PackerTest, WhatIsNotWrittenWaitsForTheNextConnection) {
  test::run_coroutine([this]() -> asio::awaitable<void> {
    co_await open();
    co_await fill_connection();
    const auto soon = Clock::now() + 300ms;
    send("a");
    send_all_kinds(soon);
    server_.kill();
    const auto is_lost = [this] { return !client_->is_ready(); };
    EXPECT_TRUE(co_await test::eventually(is_lost));
    send("b");
    const auto is_late = [&] { return Clock::now() > soon; };
    EXPECT_TRUE(co_await test::eventually(is_late));
    server_.start();
    const auto all_ended = [this] { return outcomes_.size() == 4; };
    EXPECT_TRUE(co_await test::eventually(all_ended));
    for (const auto& [name, failures] : outcomes_) {
      const bool has_expired = name == "request" || name == "response";
      const auto expected = has_expired ? redis::Failure::expired : redis::Failure::none;
      EXPECT_EQ(failures, std::vector<redis::Failure>{expected}) << name;
    }
    co_await close();
  });
}

// It waits in the client, each message as long as it may.
TEST_F(PackerTest, AFrameWithoutRoomIsTakenApart) {
  test::run_coroutine([this]() -> asio::awaitable<void> {
    co_await open();
    const test::ChannelRecorder recorder(server_.options(), {channel_});
    co_await fill_connection();
    const auto soon = Clock::now() + 300ms;
    send("first");
    send_all_kinds(soon);
    // The frame is filled when there is no room any more.
    client_->publish("elsewhere", std::string(120 * kib, 'x'), Clock::now() + 1min,
                     [](const redis::Outcome&) {});
    for (int i = 4; i < 32; ++i) send(std::to_string(i));
    const auto is_late = [&] { return Clock::now() > soon; };
    EXPECT_TRUE(co_await test::eventually(is_late));
    EXPECT_TRUE(outcomes_.empty());
    server_.resume();
    const auto all_came = [&] { return recorder.size() == 29; };
    EXPECT_TRUE(co_await test::eventually(all_came));
    for (const auto& message : recorder.messages()) {
      EXPECT_FALSE(wire::is_frame(message.payload));
      EXPECT_NE(message.payload, "2");  // the hint has expired as well
    }
    const std::vector<redis::Failure> expired{redis::Failure::expired};
    EXPECT_EQ(outcomes_["request"], expired);
    EXPECT_EQ(outcomes_["response"], expired);
    EXPECT_EQ(outcomes_.size(), 2U);  // received requests have none
    co_await close();
  });
}

TEST_F(PackerTest, FramesOfManyNodesHaveALimitTogether) {
  test::run_coroutine([this]() -> asio::awaitable<void> {
    co_await open(100 * kib);
    EXPECT_TRUE(client_->can_publish_at_once(60 * kib));
    for (InstanceId node = 10; node < 30; ++node) {
      for (const std::string id : {"a", "b"}) {
        packer_->send_request(id, {node, own_features}, std::string(2 * kib, 'x'),
                              Clock::now() + 1min);
      }
    }
    EXPECT_FALSE(client_->can_publish_at_once(60 * kib));  // as some have been published
    co_await close();
  });
}

// As one whose features are not known yet, or no longer.
TEST_F(PackerTest, AMessageByItselfComesAfterWhatIsInTheFrame) {
  test::run_coroutine([this]() -> asio::awaitable<void> {
    co_await open();
    const test::ChannelRecorder recorder(server_.options(), {channel_});
    send("in");
    packer_->send_request("by itself", {address.node, 0}, "by itself", Clock::now() + 1min);
    const auto all_came = [&] { return recorder.size() == 2; };
    EXPECT_TRUE(co_await test::eventually(all_came));
    EXPECT_EQ(recorder.messages().back().payload, "by itself");
    co_await close();
  });
}

TEST_F(PackerTest, AFrameHasAsManyMessagesAsItMay) {
  test::run_coroutine([this]() -> asio::awaitable<void> {
    co_await open();
    const test::ChannelRecorder recorder(server_.options(), {channel_});
    for (int i = 0; i < 70; ++i) send(std::to_string(i));
    const auto all_came = [&] { return recorder.size() == 3; };
    EXPECT_TRUE(co_await test::eventually(all_came));
    std::vector<std::size_t> counts;
    for (const auto& message : recorder.messages()) {
      wire::FrameReader frame(message.payload);
      for (counts.push_back(0); frame.next();) ++counts.back();
    }
    EXPECT_EQ(counts, (std::vector<std::size_t>{32, 32, 6}));
    co_await close();
  });
}

// Frames have a limit in bytes as well, and none is made of large messages.
TEST_F(PackerTest, KeepsTheOrderAndTheSizesOfFrames) {
  test::run_coroutine([this]() -> asio::awaitable<void> {
    co_await open();
    const test::ChannelRecorder recorder(server_.options(), {channel_});
    std::vector<std::string> sent;
    for (const std::size_t size : {10U, 20U, 100'000U, 30U, 7000U, 7000U, 7000U, 9000U, 40U}) {
      sent.push_back(std::to_string(sent.size()) + std::string(size, 'x'));
      packer_->send_request("id", address, sent.back(), Clock::now() + 1min);
    }
    const auto all_came = [&] { return parts_of(recorder).size() == sent.size(); };
    EXPECT_TRUE(co_await test::eventually(all_came));
    EXPECT_EQ(parts_of(recorder), sent);
    for (const auto& message : recorder.messages()) {
      EXPECT_TRUE(!wire::is_frame(message.payload) || message.payload.size() <= 17 * kib);
    }
    EXPECT_LT(recorder.size(), sent.size());
    co_await close();
  });
}

// Around the size where its frame just fits, or does not.
TEST_F(PackerTest, EachMessageLeavesOrIsRefusedHoweverLittleRoomThereIs) {
  test::run_coroutine([this]() -> asio::awaitable<void> {
    std::size_t whole = 0;
    std::size_t partly = 0;
    for (std::size_t queued_bytes = 400; queued_bytes < 1000; queued_bytes += 10) {
      co_await open(queued_bytes);
      const test::ChannelRecorder recorder(server_.options(), {channel_});
      // There is always room for the first one.
      client_->publish("elsewhere", "x", Clock::now() + 1min, [](const redis::Outcome&) {});
      packer_->send_request("other", {8, own_features}, "{}", Clock::now() + 1min);
      for (int i = 0; i < 32; ++i) send(std::to_string(i));
      const auto all_ended = [&] {
        return parts_of(recorder).size() + outcomes_.size() - outcomes_.count("other") == 32;
      };
      EXPECT_TRUE(co_await test::eventually(all_ended)) << queued_bytes;
      redis::Command last{"ECHO", "x"};
      co_await client_->request(std::move(last), Clock::now() + 10s);
      outcomes_.erase("other");
      const std::vector<redis::Failure> refused{redis::Failure::overflow};
      for (const auto& [id, failures] : outcomes_) EXPECT_EQ(failures, refused) << id;
      const auto received = parts_of(recorder);
      if (recorder.size() == 1 && received.size() == 32) ++whole;
      if (!received.empty() && received.size() < 32) ++partly;
      const std::set<std::string> different(received.begin(), received.end());
      EXPECT_EQ(different.size(), received.size());
      co_await close();
      outcomes_.clear();
    }
    EXPECT_GT(whole, 0U);
    EXPECT_GT(partly, 0U);
  });
}

// Where a message of a frame has just enough room, it goes as a command, before which frames leave.
TEST_F(PackerTest, EachMessageHasOneOutcomeWhileThereIsHardlyRoom) {
  constexpr InstanceId nodes = 70;  // more than are remembered when they are not needed
  constexpr std::size_t size = 600;
  test::run_coroutine([this]() -> asio::awaitable<void> {
    co_await open(100 * kib);
    const auto deadline = Clock::now() + 1min;
    for (std::size_t room = size; room < size + 200; ++room) {
      const auto send_to = [&](InstanceId node, int number, std::size_t bytes) {
        const std::string id = std::to_string(node) + "-" + std::to_string(number);
        packer_->send_request(id, {node, own_features}, std::string(bytes, 'x'), deadline);
      };
      for (InstanceId node = 1; node <= nodes; ++node) send_to(node, 0, size);
      for (int i = 1; i < 10; ++i) send_to(nodes, i, size);
      client_->publish("elsewhere", std::string(100 * kib - room, 'x'), deadline,
                       [](const redis::Outcome&) {});
      send_to(nodes, 10, 9 * kib);
      packer_->flush();
      redis::Command last{"ECHO", "x"};
      co_await client_->request(std::move(last), Clock::now() + 10s);
      EXPECT_EQ(outcomes_.size(), nodes + 10U) << room;
      for (const auto& [id, failures] : outcomes_) EXPECT_EQ(failures.size(), 1U) << id;
      outcomes_.clear();
    }
    co_await close();
  });
}

// As a node that leaves relies on.
TEST_F(PackerTest, OtherCommandsDoNotOvertakeMessages) {
  test::run_coroutine([this]() -> asio::awaitable<void> {
    co_await open();
    std::size_t ended_before = 0;
    bool is_answered = false;
    send("a");
    send("b");
    client_->submit(redis::Command{"ECHO", "x"}, Clock::now() + 1min,
                    [&](const redis::Outcome& /*outcome*/) {
                      is_answered = true;
                      ended_before = outcomes_.size();
                    });
    const auto has_answer = [&] { return is_answered; };
    EXPECT_TRUE(co_await test::eventually(has_answer));
    EXPECT_EQ(ended_before, 2U);  // which have reached nobody
    co_await close();
  });
}

TEST_F(PackerTest, ForgetsWhatWasUnderWay) {
  test::run_coroutine([this]() -> asio::awaitable<void> {
    co_await open();
    server_.pause();
    for (int i = 0; i < 40; ++i) send(std::to_string(i));
    packer_->clear();
    server_.resume();
    // Commands are answered in order.
    redis::Command last{"ECHO", "x"};
    co_await client_->request(std::move(last), Clock::now() + 10s);
    EXPECT_TRUE(outcomes_.empty());
    send("after");
    const auto has_ended = [this] { return outcomes_.contains("after"); };
    EXPECT_TRUE(co_await test::eventually(has_ended));  // to nobody
    co_await close();
  });
}

}  // namespace
}  // namespace mesh::core
