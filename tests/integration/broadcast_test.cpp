#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <integration/support/mesh_test.hpp>
#include <integration/support/outcome.hpp>
#include <integration/support/raw_peer.hpp>

namespace mesh::test {
namespace {

class BroadcastTest : public MeshTest {
 protected:
  using Received = std::vector<std::pair<std::string, InstanceId>>;

  /// Notes what a node receives as "news".
  static void note_news(Service& node, Received& received) {
    node.register_broadcast_handler<"news">([&received](const Text& text, InstanceId sender) {
      received.emplace_back(text.text, sender);
    });
  }

  static std::string text(std::string_view name, std::string_view json) {
    return std::string(name) + "=" + std::string(json);
  }

  std::unique_ptr<RawPeer> make_peer() {
    return std::make_unique<RawPeer>(redis().options(), "test:mesh:" + key(), 777);
  }

  Json news(InstanceId sender, const std::string& content) const {
    return {{"broadcast", true},
            {"senderInstanceId", sender},
            {"type", "news"},
            {"data", Json{{"text", content}}}};
  }
};

TEST_F(BroadcastTest, ReachesEveryNodeOnceWithTheSendersId) {
  run_coroutine([&]() -> asio::awaitable<void> {
    std::vector<std::unique_ptr<Service>> nodes;
    std::vector<Received> received(3);
    for (auto& list : received) {
      nodes.push_back(co_await start_node());
      note_news(*nodes.back(), list);
    }
    const Text first = text_of("first");
    const Text second = text_of("second");
    co_await nodes[0]->broadcast<"news">(first);
    co_await nodes[2]->broadcast<"news">(second);
    const Received expected{{"first", 1}, {"second", 3}};
    for (const auto& list : received) {
      EXPECT_TRUE(co_await eventually([&] { return list.size() == 2; }));
    }
    EXPECT_TRUE(co_await heartbeats_pass(1, 3));
    for (const auto& list : received) EXPECT_EQ(list, expected);
    for (const auto& node : nodes) co_await node->stop();
  });
}

TEST_F(BroadcastTest, SkipsTheOwnHandlerIfAsked) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto sender = co_await start_node();
    const auto other = co_await start_node();
    Received own;
    Received others;
    note_news(*sender, own);
    note_news(*other, others);
    const Text payload = text_of("not for me");
    co_await sender->broadcast<"news">(payload, {.skip_self = true});
    EXPECT_TRUE(co_await eventually([&] { return !others.empty(); }));
    EXPECT_TRUE(co_await heartbeats_pass(1, 3));
    EXPECT_EQ(others, (Received{{"not for me", 1}}));
    EXPECT_TRUE(own.empty());
    co_await other->stop();
    co_await sender->stop();
  });
}

TEST_F(BroadcastTest, HasTheDocumentedShapeOnTheWire) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const Text payload = text_of("look");
    co_await node->broadcast<"news">(payload);
    co_await node->broadcast<"signal">();
    CO_ASSERT_TRUE(co_await eventually([&] { return peer->broadcasts().size() == 2; }));
    EXPECT_EQ(peer->broadcasts()[0], news(1, "look"));
    const Json signal{
        {"broadcast", true}, {"senderInstanceId", 1}, {"type", "signal"}, {"data", nullptr}};
    EXPECT_EQ(peer->broadcasts()[1], signal);
    EXPECT_TRUE(peer->received().empty());
    co_await node->stop();
  });
}

TEST_F(BroadcastTest, IsReceivedFromHandWrittenMessages) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    Received received;
    note_news(*node, received);
    Json message = news(777, "by hand");
    message["more"] = "fields";
    peer->broadcast(message);
    EXPECT_TRUE(co_await eventually([&] { return !received.empty(); }));
    EXPECT_EQ(received, (Received{{"by hand", 777}}));
    co_await node->stop();
  });
}

TEST_F(BroadcastTest, WithTheOwnSenderIdIsIgnoredFromTheWire) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    Received received;
    note_news(*node, received);
    peer->broadcast(news(1, "pretended"));
    peer->broadcast(news(777, "honest"));
    EXPECT_TRUE(co_await eventually([&] { return !received.empty(); }));
    EXPECT_EQ(received, (Received{{"honest", 777}}));
    co_await node->stop();
  });
}

TEST_F(BroadcastTest, GoesToTheOwnHandlerWithoutOtherNodes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    Received received;
    note_news(*node, received);
    const Text payload = text_of("alone");
    co_await node->broadcast<"news">(payload);
    EXPECT_TRUE(co_await eventually([&] { return !received.empty(); }));
    EXPECT_EQ(received, (Received{{"alone", 1}}));
    co_await node->stop();
  });
}

TEST_F(BroadcastTest, OfNamesOfRunTimeIsSentAndReceivedAsJson) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto sender = co_await start_node();
    const auto other = co_await start_node();
    std::vector<std::string> own;
    std::vector<std::string> others;
    Received news;
    sender->register_fallback_broadcast_handler(
        [&](std::string_view name, std::string_view json, InstanceId /*from*/) {
          own.push_back(text(name, json));
        });
    auto coroutine = [&](std::string_view name, std::string_view json,
                         InstanceId from) -> asio::awaitable<void> {
      co_await sleep_for(1ms);
      others.push_back(text(name, json) + " from " + std::to_string(from));
    };
    other->register_fallback_broadcast_handler(coroutine);
    note_news(*other, news);
    const std::string name = "made at run time, and too long to be kept inside of a std::string";
    co_await sender->broadcast_raw(name, "[1, null]");
    co_await sender->broadcast_raw("news", R"({"text":"typed"})");
    co_await sender->broadcast_raw("$reserved", "1");
    co_await sender->broadcast_raw("last", "2", {.skip_self = true});
    EXPECT_TRUE(co_await eventually([&] { return others.size() == 2 && own.size() == 2; }));
    EXPECT_TRUE(co_await eventually([&] { return news.size() == 1; }));
    EXPECT_TRUE(co_await heartbeats_pass(1, 3));
    const std::vector<std::string> by_other{name + "=[1, null] from 1", "last=2 from 1"};
    const std::vector<std::string> by_sender{name + "=[1, null]", R"(news={"text":"typed"})"};
    EXPECT_EQ(others, by_other);
    EXPECT_EQ(own, by_sender);
    EXPECT_EQ(news, (Received{{"typed", 1}}));
    co_await other->stop();
    co_await sender->stop();
  });
}

TEST_F(BroadcastTest, OfTextThatIsNotOneJsonValueReachesNobody) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    for (const char* bad : {"", "1,2", R"(1,"type":"x")", "{", "\"\xff\"", "1 2", "nul"}) {
      const auto error = co_await expect_error<MeshEncodeError>(node->broadcast_raw("any", bad));
      EXPECT_TRUE(error && error->type() == "any" && error->executed() == Executed::no) << bad;
    }
    co_await node->broadcast_raw("good", "{}");
    CO_ASSERT_TRUE(co_await eventually([&] { return !peer->broadcasts().empty(); }));
    EXPECT_EQ(peer->broadcasts().size(), 1U);
    EXPECT_EQ(peer->broadcasts()[0]["type"], "good");
    co_await node->stop();
  });
}

TEST_F(BroadcastTest, WithoutHandlerIsIgnored) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto sender = co_await start_node();
    const auto other = co_await start_node();
    int signals = 0;
    other->register_broadcast_handler<"signal">([&] { ++signals; });
    const Text payload = text_of("nobody listens");
    co_await sender->broadcast<"news">(payload);
    co_await sender->broadcast<"signal">();
    EXPECT_TRUE(co_await eventually([&] { return signals == 1; }));
    EXPECT_EQ(other->stats().messages_dropped, 0U);
    co_await other->stop();
    co_await sender->stop();
  });
}

TEST_F(BroadcastTest, HandlersComeInManyForms) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto sender = co_await start_node();
    const auto other = co_await start_node();
    std::vector<std::string> seen;
    other->register_broadcast_handler<"news">([&](Text text) { seen.push_back(text.text); });
    other->register_broadcast_handler<"signal">(
        [&](InstanceId from) { seen.push_back("signal from " + std::to_string(from)); });
    auto coroutine = [&](Json document, InstanceId from) -> asio::awaitable<void> {
      co_await sleep_for(1ms);
      seen.push_back(document.dump() + " from " + std::to_string(from));
    };
    other->register_broadcast_handler<"anything">(coroutine);
    const Text text = text_of("text");
    const Json document = Json::array({1, nullptr});
    co_await sender->broadcast<"news">(text);
    EXPECT_TRUE(co_await eventually([&] { return seen.size() == 1; }));
    co_await sender->broadcast<"signal">();
    EXPECT_TRUE(co_await eventually([&] { return seen.size() == 2; }));
    co_await sender->broadcast<"anything">(document);
    EXPECT_TRUE(co_await eventually([&] { return seen.size() == 3; }));
    const std::vector<std::string> expected{"text", "signal from 1", "[1,null] from 1"};
    EXPECT_EQ(seen, expected);
    co_await other->stop();
    co_await sender->stop();
  });
}

TEST_F(BroadcastTest, ALaterHandlerReplacesAnEarlierOne) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    Received first;
    Received second;
    note_news(*node, first);
    co_await node->start();
    const Text payload = text_of("x");
    co_await node->broadcast<"news">(payload);
    EXPECT_TRUE(co_await eventually([&] { return first.size() == 1; }));
    note_news(*node, second);
    co_await node->broadcast<"news">(payload);
    EXPECT_TRUE(co_await eventually([&] { return second.size() == 1; }));
    EXPECT_EQ(first.size(), 1U);
    co_await node->stop();
  });
}

TEST_F(BroadcastTest, AThrowingHandlerIsLoggedAndAffectsNobody) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto sender = co_await start_node();
    const auto other = co_await start_node();
    Received received;
    sender->register_broadcast_handler<"news">(
        [](const Text&) { throw std::runtime_error("I would rather not"); });
    note_news(*other, received);
    const Text payload = text_of("x");
    co_await sender->broadcast<"news">(payload);
    co_await sender->broadcast<"news">(payload);
    EXPECT_TRUE(co_await eventually([&] { return received.size() == 2; }));
    EXPECT_TRUE(co_await eventually([&] {
      return log().count("I would rather not", LogLevel::warning) == 2;
    })) << log().text();
    co_await other->stop();
    co_await sender->stop();
  });
}

TEST_F(BroadcastTest, AnUndecodablePayloadIsLoggedWithTypeAndField) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    Received received;
    note_news(*node, received);
    Json message = news(777, "");
    message["data"] = Json{{"text", 7}};
    peer->broadcast(message);
    peer->broadcast(news(777, "good"));
    EXPECT_TRUE(co_await eventually([&] { return !received.empty(); }));
    EXPECT_EQ(received, (Received{{"good", 777}}));
    EXPECT_TRUE(co_await eventually([&] { return log().contains("/text", LogLevel::warning); }))
        << log().text();
    EXPECT_TRUE(log().contains("\"news\"", LogLevel::warning));
    co_await node->stop();
  });
}

TEST_F(BroadcastTest, APayloadThatCannotBeEncodedFailsAndReachesNobody) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    Received received;
    note_news(*node, received);
    const Text payload = text_of("\xff");
    const Opaque opaque;
    const auto error = co_await expect_error<MeshEncodeError>(node->broadcast<"news">(payload));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->type(), "news");
    co_await expect_error<MeshEncodeError>(node->broadcast<"hidden">(opaque));
    EXPECT_TRUE(co_await heartbeats_pass(1, 2));
    EXPECT_TRUE(received.empty());
    EXPECT_TRUE(peer->broadcasts().empty());
    co_await node->stop();
  });
}

TEST_F(BroadcastTest, StaysWithinItsMesh) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const MeshOptions node_options = options();
    const auto sender = co_await start_node();
    Service stranger(executor, key() + "-other", node_options);
    co_await stranger.start();
    const auto other = co_await start_node();
    Received received;
    Received elsewhere;
    note_news(*other, received);
    note_news(stranger, elsewhere);
    const Text payload = text_of("x");
    co_await sender->broadcast<"news">(payload);
    EXPECT_TRUE(co_await eventually([&] { return !received.empty(); }));
    EXPECT_TRUE(co_await heartbeats_pass(2, 2));
    EXPECT_TRUE(elsewhere.empty());
    co_await stranger.stop();
    co_await other->stop();
    co_await sender->stop();
  });
}

TEST_F(BroadcastTest, NeedsARunningService) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    const Text payload = text_of("x");
    co_await expect_error<MeshNotRunningError>(node->broadcast<"news">(payload));
    co_await node->start();
    co_await node->stop();
    co_await expect_error<MeshNotRunningError>(node->broadcast<"news">(payload));
  });
}

TEST_F(BroadcastTest, IsNotReceivedAfterStop) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto sender = co_await start_node();
    const auto other = co_await start_node();
    Received received;
    note_news(*other, received);
    co_await other->stop();
    EXPECT_EQ(probe().subscribers(name("broadcast")), 1);
    const Text payload = text_of("x");
    co_await sender->broadcast<"news">(payload);
    EXPECT_TRUE(co_await heartbeats_pass(1, 2));
    EXPECT_TRUE(received.empty());
    co_await sender->stop();
  });
}

TEST_F(BroadcastTest, ReadsThePayloadBeforeItReturns) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    Received received;
    note_news(*node, received);
    Text payload = text_of("as it was");
    Outcome<void> outcome;
    node->broadcast<"news">(payload, {}, outcome.token());
    payload.text = "changed";
    co_await outcome.get();
    EXPECT_TRUE(co_await eventually([&] { return !received.empty(); }));
    EXPECT_EQ(received, (Received{{"as it was", 1}}));
    co_await node->stop();
  });
}

TEST_F(BroadcastTest, IsCounted) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto sender = co_await start_node();
    const auto other = co_await start_node();
    const Text payload = text_of("x");
    co_await sender->broadcast<"news">(payload, {.skip_self = true});
    co_await sender->broadcast<"signal">({.skip_self = true});
    EXPECT_TRUE(co_await eventually([&] { return other->stats().broadcasts_received == 2; }));
    EXPECT_EQ(sender->stats().broadcasts_sent, 2U);
    EXPECT_EQ(sender->stats().broadcasts_received, 0U);
    EXPECT_EQ(other->stats().broadcasts_sent, 0U);
    co_await other->stop();
    co_await sender->stop();
  });
}

}  // namespace
}  // namespace mesh::test
