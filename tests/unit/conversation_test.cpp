#include <redis/conversation.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <unit/conversation_fixture.hpp>

namespace mesh::redis {
namespace {

using namespace std::string_literals;
using Texts = std::vector<std::string>;

TEST_F(ConversationTest, CommandsBecomeBytes) {
  ask({"SET", "key", std::string("a\0b\r\n", 5)});
  ask({"PING"});
  EXPECT_EQ(sent(), "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\na\0b\r\n\r\n*1\r\n$4\r\nPING\r\n"s);
}

TEST_F(ConversationTest, RepliesGoToTheirCommandsInOrder) {
  for (int i = 0; i < 6; ++i) ask({"X"});
  EXPECT_FALSE(receive("+OK\r\n:-7\r\n$2\r\nab\r\n$-1\r\n-ERR no\r\n*2\r\n:1\r\n*1\r\n+x\r\n"));
  EXPECT_EQ(replies(), (Texts{"OK", "-7", "ab", "nil", "error ERR no", "[1,[x,],]"}));
}

TEST_F(ConversationTest, NothingOfOneReplyIsLeftInTheNext) {
  std::vector<Reply> replies;
  const auto keep = [&replies](const Outcome& outcome) { replies.push_back(outcome.reply); };
  for (int i = 0; i < 5; ++i) conversation().command(Command{"X"}, keep);
  EXPECT_FALSE(receive(":7\r\n-ERR no\r\n*1\r\n+x\r\n$-1\r\n*1\r\n:3\r\n"));
  ASSERT_EQ(replies.size(), 5U);
  EXPECT_EQ(replies[1].integer, 0);
  EXPECT_TRUE(replies[2].text.empty());
  EXPECT_TRUE(replies[3].elements.empty());
  EXPECT_TRUE(replies[3].text.empty());
  EXPECT_TRUE(replies[4].elements[0].text.empty());
}

TEST_F(ConversationTest, RepliesMayComeInPieces) {
  ask({"X"});
  for (const char byte : std::string("$5\r\nhel")) EXPECT_FALSE(receive(std::string(1, byte)));
  EXPECT_EQ(replies(), Texts{"not yet"});
  EXPECT_FALSE(receive("lo\r\n"));
  EXPECT_EQ(replies(), Texts{"hello"});
}

TEST_F(ConversationTest, MessagesAndConfirmationsAreReported) {
  conversation().subscribe("news");
  EXPECT_EQ(sent(), "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n");
  EXPECT_FALSE(
      receive("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"
              "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"));
  EXPECT_EQ(reports(), (Texts{"subscribed news", "news: hi"}));
}

TEST_F(ConversationTest, HoweverTheBytesAreCutTheReportsAreTheSame) {
  conversation().subscribe("c");
  const std::string large(100000, 'x');
  const std::string message = "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n";
  const std::string bytes = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n" + message +
                            "$5\r\nfirst\r\n" + "*2\r\n$4\r\npong\r\n$0\r\n\r\n" + message +
                            "$6\r\nsecond\r\n" + message + "$100000\r\n" + large + "\r\n" +
                            message + "$5\r\nthird\r\n" + message + "$0\r\n\r\n";
  EXPECT_EQ(receive(bytes), std::nullopt);
  const std::vector<std::string> expected = reports();
  EXPECT_EQ(expected, (std::vector<std::string>{"subscribed c", "c: first", "c: second",
                                                "c: " + large, "c: third", "c: "}));
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 40U, 41U, 64U, 1000U, 65536U, 99999U}) {
    forget_reports();
    for (std::size_t i = 0; i < bytes.size(); i += piece) {
      EXPECT_EQ(receive(bytes.substr(i, piece)), std::nullopt);
    }
    EXPECT_TRUE(reports() == expected) << "in pieces of " << piece;
  }
}

TEST_F(ConversationTest, AChannelWhoseNameIsAbsurdlyLongEndsTheConnection) {
  const std::string beginning = "*3\r\n$7\r\nmessage\r\n$99999999999\r\n";
  EXPECT_TRUE(receive(beginning)) << "without a subscription";
  Conversation subscribed({});
  subscribed.subscribe("c");
  EXPECT_TRUE(subscribed.receive(beginning));
}

TEST_F(ConversationTest, AChannelMayHaveALongName) {
  conversation().subscribe("c");
  const std::string name(100000, 'c');
  EXPECT_EQ(receive("*3\r\n$7\r\nmessage\r\n$100000\r\n" + name + "\r\n$2\r\nhi\r\n"),
            std::nullopt);
  EXPECT_EQ(reports(), std::vector<std::string>{name + ": hi"});
}

std::string message_of(const std::string& payload) {
  return "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$" + std::to_string(payload.size()) + "\r\n" + payload +
         "\r\n";
}

TEST_F(ConversationTest, LargerMessagesArePassedOverHoweverTheBytesAreCut) {
  conversation().subscribe("c");
  conversation().set_largest_message(10);
  const std::string bytes = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n" +
                            message_of("1234567890") + message_of(message_of("12345678901")) +
                            message_of("next") + "*2\r\n$4\r\npong\r\n$0\r\n\r\n" +
                            message_of(std::string(200, '\n')) + message_of(std::string(11, '*')) +
                            message_of("last");
  const Texts expected{"subscribed c", "c: 1234567890", "c: 42 bytes", "c: next",
                       "c: 200 bytes", "c: 11 bytes",   "c: last"};
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    forget_reports();
    for (std::size_t i = 0; i < bytes.size(); i += piece) {
      ASSERT_EQ(receive(bytes.substr(i, piece)), std::nullopt);
    }
    EXPECT_EQ(reports(), expected) << "in pieces of " << piece;
  }
}

TEST_F(ConversationTest, TheBeginningOfALargerMessageIsReportedBeforeTheRestHasCome) {
  conversation().subscribe("c");
  conversation().set_largest_message(1000000);
  EXPECT_FALSE(
      receive("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$300000000\r\n" + std::string(4095, 'x')));
  EXPECT_TRUE(reports().empty());
  EXPECT_FALSE(receive("yz"));
  EXPECT_EQ(reports(), Texts{"c: 300000000 bytes"});
  ASSERT_EQ(oversized().size(), 1U);
  EXPECT_EQ(oversized().front(), std::string(4095, 'x') + "y");
  const std::string chunk(1000000, 'x');
  for (int i = 0; i < 299; ++i) EXPECT_FALSE(receive(chunk));
  EXPECT_FALSE(receive(std::string(1000000 - 4097, 'x') + "\r\n" + message_of("next")));
  EXPECT_EQ(reports(), (Texts{"c: 300000000 bytes", "c: next"}));
}

TEST_F(ConversationTest, AnAbsurdReplyIsTheEndBeforeItComes) {
  ask({"X"});
  const auto cause = receive("$300000000\r\nxxx");
  ASSERT_TRUE(cause);
  EXPECT_NE(cause->find("300000"), std::string::npos) << *cause;
}

TEST_F(ConversationTest, AnAbsurdReplyBehindAnotherIsTheEndAsWell) {
  ask({"X"});
  ask({"X"});
  EXPECT_TRUE(receive("+OK\r\n*2\r\n$2\r\nab\r\n$300000000\r\nxxx"));
  EXPECT_EQ(replies(), (Texts{"OK", "not yet"}));
}

TEST_F(ConversationTest, AMessageThatNobodyCanHaveAskedForIsNotKept) {
  ask({"X"});
  EXPECT_FALSE(receive("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n"));
  EXPECT_TRUE(receive("$300000000\r\nxxx"));
}

TEST_F(ConversationTest, IntegersAndOtherRepliesMayTakeTurns) {
  const std::string bytes = ":1\r\n:20\r\n+OK\r\n:3\r\n*2\r\n:4\r\n:5\r\n:6\r\n-ERR\r\n:7\r\n";
  const std::vector<std::string> expected{"1", "20", "OK", "3", "[4,5,]", "6", "error ERR", "7"};
  for (const std::size_t piece : {1U, 2U, 3U, 5U, 100U}) {
    const std::size_t before = replies().size();
    for (std::size_t i = 0; i < expected.size(); ++i) ask({"X"});
    for (std::size_t i = 0; i < bytes.size(); i += piece) {
      EXPECT_EQ(receive(bytes.substr(i, piece)), std::nullopt);
    }
    const std::vector<std::string> got(replies().begin() + static_cast<std::ptrdiff_t>(before),
                                       replies().end());
    EXPECT_EQ(got, expected) << "in pieces of " << piece;
  }
}

TEST_F(ConversationTest, RepliesToCommandsBeforeASubscriptionComeFirst) {
  ask({"X"});
  conversation().subscribe("news");
  EXPECT_FALSE(
      receive("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"
              "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"));
  EXPECT_EQ(replies(), Texts{"[message,news,hi,]"});
  EXPECT_EQ(reports(), Texts{"subscribed news"});
}

TEST_F(ConversationTest, PongsAreSkipped) {
  conversation().ping();
  EXPECT_FALSE(receive("+PONG\r\n"));
  conversation().subscribe("news");
  sent();
  conversation().ping();
  EXPECT_EQ(sent(), "*1\r\n$4\r\nPING\r\n");
  EXPECT_FALSE(receive("*2\r\n$4\r\npong\r\n$0\r\n\r\n"));
  EXPECT_TRUE(reports().empty());
}

TEST_F(ConversationTest, PushesOfUnknownShapeAreSkipped) {
  conversation().subscribe("news");
  EXPECT_FALSE(
      receive("+OK\r\n:1\r\n*0\r\n*-1\r\n*1\r\n+x\r\n*3\r\n:1\r\n:2\r\n:3\r\n"
              "*3\r\n$7\r\nmessage\r\n*0\r\n$-1\r\n*2\r\n$7\r\nmessage\r\n+x\r\n"));
  EXPECT_EQ(reports(), Texts{": "});
}

TEST_F(ConversationTest, ARefusedPingOnASubscribedConnectionHasAnAnswer) {
  const std::string refusal = "-MISCONF Errors writing to the AOF file\r\n";
  conversation().subscribe("c");
  receive("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
  conversation().ping();
  EXPECT_FALSE(receive(refusal));
  conversation().ping();
  EXPECT_FALSE(receive("-BUSY Redis is busy running a script\r\n"));
  conversation().ping();
  EXPECT_FALSE(receive("*2\r\n$4\r\npong\r\n$0\r\n\r\n"));
  EXPECT_TRUE(receive(refusal));  // answers nothing
}

TEST_F(ConversationTest, AnyOtherErrorAfterAPingEndsASubscribedConnection) {
  conversation().subscribe("c");
  conversation().ping();
  EXPECT_TRUE(receive("-NOPERM this user has no permissions to access the channel\r\n"));
}

TEST_F(ConversationTest, APingTakesNoRoomOfCommands) {
  conversation().ping();
  EXPECT_TRUE(conversation().has_unanswered());
  EXPECT_EQ(conversation().unanswered_bytes(), 0U);
  ask({"X"});
  EXPECT_EQ(conversation().unanswered_bytes(), std::string("*1..$1..X..").size());
  EXPECT_FALSE(receive("+PONG\r\n+OK\r\n"));
  EXPECT_EQ(conversation().unanswered_bytes(), 0U);
}

TEST_F(ConversationTest, AnErrorThatNobodyAskedForIsTheEnd) {
  EXPECT_EQ(receive("-ERR max number of clients reached\r\n"), "ERR max number of clients reached");
}

TEST_F(ConversationTest, ARefusedSubscriptionIsTheEnd) {
  conversation().subscribe("news");
  EXPECT_EQ(receive("-NOPERM no\r\n"), "NOPERM no");
}

TEST_F(ConversationTest, AReplyThatNobodyAskedForIsTheEnd) {
  ask({"X"});
  EXPECT_EQ(receive("+OK\r\n+OK\r\n"), "a reply to nothing that was asked");
  EXPECT_EQ(replies(), Texts{"OK"});
}

TEST_F(ConversationTest, WhatIsNotTheProtocolIsTheEnd) {
  EXPECT_TRUE(receive("HTTP/1.1 400 Bad Request\r\n\r\n"));
}

TEST_F(ConversationTest, NestingIsLimited) {
  ask({"X"});
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += "*1\r\n";
  EXPECT_TRUE(receive(bytes));
}

TEST_F(ConversationTest, NoMemoryIsTakenForWhatIsOnlyAnnounced) {
  ask({"X"});
  EXPECT_TRUE(receive("*2147483647\r\n"));
}

TEST_F(ConversationTest, ALargeArrayIsTaken) {
  ask({"X"});
  std::string bytes = "*100000\r\n";
  for (int i = 0; i < 100000; ++i) bytes += ":1\r\n";
  EXPECT_EQ(receive(bytes), std::nullopt);
  EXPECT_EQ(replies().front().size(), 200002U);
}

TEST_F(ConversationTest, TheEndGivesEveryCommandNullOnce) {
  ask({"X"});
  ask({"X"});
  conversation().end();
  EXPECT_EQ(replies(), (Texts{"none", "none"}));
  EXPECT_EQ(sent(), "");
  conversation().end();
}

/// What each of the commands hears of the end, besides it.
std::vector<std::size_t> suspects(const std::vector<std::size_t>& sizes, bool was_lost) {
  std::vector<std::size_t> result;
  Conversation conversation({});
  for (const std::size_t size : sizes) {
    conversation.command(Command{"X", std::string(size, 'x')}, [&result](const Outcome& outcome) {
      result.push_back(outcome.suspect_size > 0 ? outcome.suspect_size / 1000 : 0);
    });
  }
  conversation.end(was_lost);
  const auto largest = std::ranges::max(result);
  EXPECT_EQ(conversation.suspect_size() / 1000, largest);
  return result;
}

TEST_F(ConversationTest, AfterALossTheLargestCommandIsSuspected) {
  using Sizes = std::vector<std::size_t>;
  EXPECT_EQ(suspects({10, 100'000, 300'000, 200'000, 300'000}, true), (Sizes{0, 0, 300, 0, 0}));
  EXPECT_EQ(suspects({10, 60'000}, true), (Sizes{0, 0}));
  EXPECT_EQ(suspects({300'000}, false), (Sizes{0}));
}

TEST_F(ConversationTest, WhatWasAnsweredIsNotSuspected) {
  std::vector<std::size_t> sizes;
  const auto note = [&](const Outcome& outcome) { sizes.push_back(outcome.suspect_size); };
  conversation().command(Command{"X", std::string(300'000, 'x')}, note);
  conversation().command(Command{"X"}, note);
  EXPECT_FALSE(receive("+OK\r\n"));
  conversation().end(true);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{0, 0}));
}

TEST_F(ConversationTest, NothingIsReportedAfterAnEndInACallback) {
  conversation().command(Command{"X"}, [this](const Outcome&) { conversation().end(); });
  ask({"X"});
  EXPECT_FALSE(receive("+OK\r\n+late\r\n"));
  EXPECT_EQ(replies(), Texts{"none"});
}

}  // namespace
}  // namespace mesh::redis
