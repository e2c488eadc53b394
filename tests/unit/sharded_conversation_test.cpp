#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <redis/channel_kind.hpp>
#include <redis/command.hpp>
#include <unit/conversation_fixture.hpp>

namespace mesh::redis {
namespace {

/// The same on sharded channels.
class ShardedConversationTest : public ConversationTest {
 protected:
  using Reports = std::vector<std::string>;

  ShardedConversationTest() : ConversationTest(ChannelKind::sharded) {}

  static std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  }
  static std::string push(const std::string& kind, const std::string& channel,
                          const std::string& last) {
    return "*3\r\n" + bulk(kind) + bulk(channel) + last;
  }
  static std::string subscribed(const std::string& channel) {
    return push("ssubscribe", channel, ":1\r\n");
  }
  static std::string unsubscribed(const std::string& channel) {
    return push("sunsubscribe", channel, ":0\r\n");
  }
  static std::string message(const std::string& payload) {
    return push("smessage", "c", bulk(payload));
  }
  static std::string pushed_pong() { return "*2\r\n$4\r\npong\r\n$0\r\n\r\n"; }
};

TEST_F(ShardedConversationTest, TheCommandsAreThoseOfShardedChannels) {
  conversation().subscribe("c");
  EXPECT_EQ(sent(), "*2\r\n$10\r\nSSUBSCRIBE\r\n$1\r\nc\r\n");
  conversation().unsubscribe("c");
  EXPECT_EQ(sent(), "*2\r\n$12\r\nSUNSUBSCRIBE\r\n$1\r\nc\r\n");
  conversation().publish("c", "hello", [](const Outcome&) {});
  EXPECT_EQ(sent(), "*3\r\n$8\r\nSPUBLISH\r\n$1\r\nc\r\n$5\r\nhello\r\n");
}

TEST_F(ShardedConversationTest, WhatIsPublishedIsTheCommandHoweverItIsPutTogether) {
  for (const ChannelKind kind : {ChannelKind::classic, ChannelKind::sharded}) {
    for (const std::size_t size : {0U, 1U, 9U, 10U, 100U, 100'000U}) {
      const std::string channel(size, 'c');
      const std::string text(100'000 - size, 'x');
      std::string bytes = "before";
      const Command command{words_of(kind).publish, channel, text};
      EXPECT_EQ(append_publish(bytes, channel, text, kind), command.size());
      EXPECT_TRUE(bytes == "before" + command.bytes()) << size;
    }
  }
}

TEST_F(ShardedConversationTest, HoweverTheBytesAreCutTheReportsAreTheSame) {
  conversation().subscribe("c");
  conversation().unsubscribe("d");
  conversation().set_largest_message(10);
  // What hiredis reads, and what it does not, take turns.
  const std::string bytes = subscribed("c") + message("first") + unsubscribed("d") +
                            message(std::string(11, 'x')) + pushed_pong() + message("") +
                            push("smessage", std::string(70'000, 'c'), bulk("far")) +
                            message("last");
  const Reports expected{
      "subscribed c", "c: first", "c: 11 bytes", "c: ", std::string(70'000, 'c') + ": far",
      "c: last"};
  for (const std::size_t piece : {1U, 7U, 64U, 65'537U, 1'000'000U}) {
    forget_reports();
    conversation().unsubscribe("d");
    for (std::size_t i = 0; i < bytes.size(); i += piece) {
      ASSERT_EQ(receive(bytes.substr(i, piece)), std::nullopt);
    }
    EXPECT_TRUE(reports() == expected) << "in pieces of " << piece;
  }
}

TEST_F(ShardedConversationTest, OneCutMayBeAnywhere) {
  conversation().subscribe("c");
  const std::string bytes = subscribed("c") + message("\r\n*3\r\n") + subscribed("d") + message("");
  const Reports expected{"subscribed c", "c: \r\n*3\r\n", "subscribed d", "c: "};
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    forget_reports();
    EXPECT_EQ(receive(bytes.substr(0, cut)), std::nullopt);
    EXPECT_EQ(receive(bytes.substr(cut)), std::nullopt);
    EXPECT_EQ(reports(), expected) << "cut at " << cut;
  }
}

TEST_F(ShardedConversationTest, PushesOfClassicChannelsAreSkipped) {
  conversation().subscribe("c");
  EXPECT_EQ(receive(push("message", "c", bulk("hi")) + push("subscribe", "c", ":1\r\n") +
                    push("unsubscribe", "c", ":0\r\n")),
            std::nullopt);
  EXPECT_TRUE(reports().empty());
}

TEST_F(ConversationTest, PushesOfShardedChannelsAreSkipped) {
  conversation().subscribe("c");
  EXPECT_EQ(receive("*3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n"
                    "*3\r\n$12\r\nsunsubscribe\r\n$1\r\nc\r\n:0\r\n"
                    "*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n"),
            std::nullopt);
  EXPECT_TRUE(reports().empty());
}

TEST_F(ShardedConversationTest, ASubscriptionThatRedisEndsIsTheEnd) {
  conversation().subscribe("c");
  EXPECT_EQ(receive(subscribed("c") + message("hi")), std::nullopt);
  EXPECT_EQ(receive(unsubscribed("c")), slot_is_elsewhere);
  EXPECT_EQ(reports(), (Reports{"subscribed c", "c: hi"}));
}

TEST_F(ShardedConversationTest, ASubscriptionThatThisSideEndsIsNot) {
  conversation().subscribe("c");
  conversation().subscribe("d");
  EXPECT_EQ(receive(subscribed("c") + subscribed("d")), std::nullopt);
  conversation().unsubscribe("c");
  EXPECT_EQ(receive(unsubscribed("c") + message("late")), std::nullopt);
  EXPECT_EQ(receive(unsubscribed("c")), slot_is_elsewhere) << "asked for only once";
}

TEST_F(ShardedConversationTest, WhatWasAskedForConcernsOneChannel) {
  conversation().subscribe("c");
  conversation().subscribe("d");
  conversation().unsubscribe("c");
  EXPECT_EQ(receive(unsubscribed("d")), slot_is_elsewhere);
}

TEST_F(ShardedConversationTest, EachEndThatWasAskedForIsExpected) {
  for (int i = 0; i < 2; ++i) {
    conversation().subscribe("c");
    conversation().unsubscribe("c");
  }
  const std::string both = subscribed("c") + unsubscribed("c");
  EXPECT_EQ(receive(both + both), std::nullopt);
  EXPECT_EQ(receive(unsubscribed("c")), slot_is_elsewhere);
}

TEST_F(ShardedConversationTest, ARefusedSubscriptionIsTheEndAndIsTold) {
  for (const char* const text :
       {"MOVED 866 127.0.0.1:7001", "CLUSTERDOWN Hash slot not served", "NOPERM no"}) {
    Reports told;
    Connection::Callbacks callbacks;
    callbacks.on_error_reply = [&told](const Reply& reply) { told.push_back(reply.text); };
    Conversation one(callbacks, ChannelKind::sharded);
    one.subscribe("c");
    EXPECT_EQ(one.receive("-" + std::string(text) + "\r\n"), text);
    EXPECT_EQ(told, Reports{text});
  }
}

TEST_F(ShardedConversationTest, ARedirectionIsNoPong) {
  conversation().subscribe("c");
  conversation().ping();
  EXPECT_EQ(receive("-MOVED 866 127.0.0.1:7001\r\n"), "MOVED 866 127.0.0.1:7001");
  EXPECT_EQ(errors(), Reports{"MOVED 866 127.0.0.1:7001"});
}

TEST_F(ShardedConversationTest, ARefusedPingIsNotTold) {
  conversation().subscribe("c");
  conversation().ping();
  EXPECT_EQ(receive(subscribed("c") + "-LOADING Redis is loading the dataset in memory\r\n"),
            std::nullopt);
  EXPECT_TRUE(errors().empty());
}

TEST_F(ShardedConversationTest, PongsAreSkippedHoweverTheyCome) {
  conversation().ping();
  EXPECT_EQ(receive("+PONG\r\n"), std::nullopt);
  conversation().subscribe("c");
  conversation().ping();
  EXPECT_EQ(receive(subscribed("c") + pushed_pong()), std::nullopt);
  // Without a channel it is no push any more.
  conversation().unsubscribe("c");
  conversation().ping();
  EXPECT_EQ(receive(unsubscribed("c") + "+PONG\r\n"), std::nullopt);
  // Which nothing waits for any more.
  EXPECT_EQ(receive("-BUSY Redis is busy running a script\r\n"),
            "BUSY Redis is busy running a script");
  EXPECT_EQ(reports(), Reports{"subscribed c"});
}

}  // namespace
}  // namespace mesh::redis
