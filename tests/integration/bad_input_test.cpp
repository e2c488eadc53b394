#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/support/patient_nodes_test.hpp>
#include <mesh/mesh.hpp>
#include <support/channel_recorder.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

using Json = nlohmann::json;

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

/// A good request, with `data` as it is.
std::string request_with_data(const std::string& data, const std::string& id = "r-1") {
  return R"({"requestId":")" + id +
         R"(","senderInstanceId":999,"type":"echo","timeoutMs":60000,"data":)" + data + "}";
}

/// What no node can make sense of, on whichever channel.
std::vector<std::string> malformed_everywhere() {
  std::string binary;
  for (int i = 0; i < 256; ++i) binary.push_back(static_cast<char>(i));
  return {
      "",
      " ",
      std::string(1, '\0'),
      binary,
      "\xff\xfe\xfd",
      "no JSON",
      "{",
      R"({"requestId":"r-1",)",
      R"({"requestId":"\xff"})",
      "{\"requestId\":\"\xff\",\"senderInstanceId\":1,\"type\":\"echo\"}",
      R"({"requestId":"r-1","senderInstanceId":1,"type":"echo"} and more)",
      "null",
      "true",
      "42",
      R"("text")",
      "[]",
      R"([{"requestId":"r-1"}])",
      "{}",
      nested(100000),
      std::string(100000, '['),
      std::string(100000, '{'),
      request_with_data(nested(100000)),
      request_with_data(std::string(100000, '[')),
  };
}

std::vector<std::string> malformed_for_a_node() {
  std::vector<std::string> all = malformed_everywhere();
  const std::vector<std::string> more = {
      // Requests.
      R"({"senderInstanceId":1,"type":"echo","data":"x"})",
      R"({"requestId":7,"senderInstanceId":1,"type":"echo","data":"x"})",
      R"({"requestId":null,"senderInstanceId":1,"type":"echo","data":"x"})",
      R"({"requestId":"r-1","type":"echo","data":"x"})",
      R"({"requestId":"r-1","senderInstanceId":"1","type":"echo","data":"x"})",
      R"({"requestId":"r-1","senderInstanceId":1.5,"type":"echo","data":"x"})",
      R"({"requestId":"r-1","senderInstanceId":1e300,"type":"echo","data":"x"})",
      R"({"requestId":"r-1","senderInstanceId":{},"type":"echo","data":"x"})",
      R"({"requestId":"r-1","senderInstanceId":1,"data":"x"})",
      R"({"requestId":"r-1","senderInstanceId":1,"type":5,"data":"x"})",
      R"({"requestId":"r-1","senderInstanceId":1,"type":["echo"],"data":"x"})",
      // Answers and heartbeats.
      R"({"reply":true,"data":"x"})",
      R"({"requestId":5,"reply":true,"data":"x"})",
      R"({"requestId":"r-1","reply":true,"error":5})",
      R"({"requestId":"unknown","reply":true,"data":"x"})",
      R"({"requestId":"unknown","reply":true,"error":"x"})",
      R"({"heartbeat":true})",
      R"({"requestId":[],"heartbeat":true})",
      R"({"requestId":"unknown","heartbeat":true})",
  };
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::vector<std::string> malformed_broadcasts() {
  std::vector<std::string> all = malformed_everywhere();
  const std::vector<std::string> more = {
      R"({"broadcast":true})",
      R"({"broadcast":true,"senderInstanceId":[1],"type":"news","data":"x"})",
      R"({"broadcast":true,"senderInstanceId":1,"data":"x"})",
      R"({"broadcast":true,"senderInstanceId":999,"type":null,"data":"x"})",
      R"({"broadcast":true,"senderInstanceId":999,"type":7,"data":"x"})",
  };
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

class BadInput : public PatientNodesTest {
 protected:
  asio::awaitable<void> expect_dropped(const std::vector<std::string>& messages,
                                       const std::string& where);
};

/// One node `a` that gets it all, and `b` that calls it afterwards.
asio::awaitable<void> BadInput::expect_dropped(const std::vector<std::string>& messages,
                                               const std::string& where) {
  Pair pair(co_await asio::this_coro::executor, redis().options(), key());
  int handled = 0;
  pair.a.register_handler<"echo">([&](const std::string& text) {
    ++handled;
    return text;
  });
  pair.a.register_broadcast_handler<"news">([&](const std::string& /*text*/) { ++handled; });
  co_await pair.a.start();
  std::uint64_t expected = 0;
  for (const std::string& message : messages) {
    probe().publish(where, message);
    ++expected;
    const auto is_dropped = [&] { return pair.a.stats().messages_dropped == expected; };
    EXPECT_TRUE(co_await eventually(is_dropped))
        << pair.a.stats().messages_dropped << " dropped, not " << expected << ", after "
        << message.substr(0, 120);
    CO_RETURN_IF_FAILED();
  }
  EXPECT_EQ(handled, 0);
  EXPECT_EQ(pair.log.count("dropped a message", LogLevel::warning), 1U) << pair.log.text();
  EXPECT_EQ(pair.a.stats().requests_received, 0U);
  EXPECT_EQ(pair.a.stats().reconnects, 0U);
  co_await pair.b.start();
  EXPECT_TRUE(co_await echoes(pair.b, pair.a.instance_id(), 20s));
  EXPECT_EQ(handled, 1);
  const std::string text = "good news";
  co_await pair.b.broadcast<"news">(text);
  const auto is_heard = [&] { return handled == 2; };
  EXPECT_TRUE(co_await eventually(is_heard));
  co_await pair.stop();
}

TEST_F(BadInput, OnTheNodeChannelIsDroppedAndCounted) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto messages = malformed_for_a_node();
    co_await expect_dropped(messages, channel(1));
  });
}

TEST_F(BadInput, OnTheBroadcastChannelIsDroppedAndCounted) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto messages = malformed_broadcasts();
    co_await expect_dropped(messages, name("broadcast"));
  });
}

TEST_F(BadInput, ABurstIsLoggedOnce) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Pair pair(co_await asio::this_coro::executor, redis().options(), key());
    co_await pair.start();
    const auto begin = std::chrono::steady_clock::now();
    RedisProbe there = probe().at_primary_of(channel(1));
    const std::string publish = on_cluster() ? "SPUBLISH" : "PUBLISH";
    for (int i = 0; i < 2000; ++i) there.command({publish, channel(1), "garbage"});
    const auto all_dropped = [&] { return pair.a.stats().messages_dropped == 2000; };
    EXPECT_TRUE(co_await eventually(all_dropped));
    const auto elapsed = std::chrono::steady_clock::now() - begin;
    const auto allowed = static_cast<std::size_t>(1 + elapsed / 10s);
    EXPECT_GE(pair.log.count("dropped a message", LogLevel::warning), 1U);
    EXPECT_LE(pair.log.count("", LogLevel::warning), allowed) << pair.log.text();
    EXPECT_TRUE(co_await echoes(pair.b, 1, 20s));
    co_await pair.stop();
  });
}

TEST_F(BadInput, OversizedMessagesAreDroppedUnread) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions options = patient();
    options.limits.message_size = 1000;
    Node node(co_await asio::this_coro::executor, key(), options);
    register_handlers(node);
    co_await node.start();
    const std::string fits = request_with_data("\"" + std::string(800, 'x') + "\"");
    const std::string too_large = request_with_data("\"" + std::string(1000, 'x') + "\"");
    probe().publish(channel(1), too_large);
    probe().publish(channel(1), std::string(std::size_t{20} << 20U, 'x'));
    probe().publish(name("broadcast"), std::string(5000, '['));
    probe().publish(channel(1), fits);
    const auto all_seen = [&] {
      return node.stats().messages_dropped == 3 && node.stats().requests_received == 1;
    };
    EXPECT_TRUE(co_await eventually(all_seen));
    EXPECT_TRUE(log().contains("message_size", LogLevel::warning)) << log().text();
    co_await node.stop();
  });
}

TEST_F(BadInput, NestingUpToTheLimitIsServedAndBeyondIsRefused) {
  run_coroutine([&]() -> asio::awaitable<void> {
    using Untyped = MessageMap<Message<"echo", Json, Json>>;
    MeshOptions options = patient();
    options.limits.nesting_depth = 10;
    MeshService<Untyped> node(co_await asio::this_coro::executor, key(), options);
    node.register_handler<"echo">([](const Json& data) { return data; });
    co_await node.start();
    const ChannelRecorder answers(redis().options(), {channel(999)});
    probe().publish(channel(1), request_with_data(nested(9)));  // the message itself is a level
    const auto is_answered = [&] { return answers.size() == 1; };
    EXPECT_TRUE(co_await eventually(is_answered));
    probe().publish(channel(1), request_with_data(nested(10), "r-2"));
    const auto is_dropped = [&] { return node.stats().messages_dropped == 1; };
    EXPECT_TRUE(co_await eventually(is_dropped));
    const auto is_refused = [&] { return answers.size() == 2; };
    EXPECT_TRUE(co_await eventually(is_refused));
    CO_RETURN_IF_FAILED();
    EXPECT_EQ(answers.json().at(1).at("requestId"), "r-2");
    const std::string error = answers.json().at(1).value("error", "");
    EXPECT_NE(error.find("nesting_depth"), std::string::npos) << error;
    // Brackets in strings are no nesting.
    probe().publish(channel(1), request_with_data(R"("[[[[[[[[[[[[\"[[[[")", "r-3"));
    const auto is_answered_too = [&] { return answers.size() == 3; };
    EXPECT_TRUE(co_await eventually(is_answered_too));
    EXPECT_EQ(answers.json().at(2).at("data"), "[[[[[[[[[[[[\"[[[[");
    co_await node.stop();
  });
}

TEST_F(BadInput, UnknownFieldsAreIgnored) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Pair pair(co_await asio::this_coro::executor, redis().options(), key());
    co_await pair.a.start();
    const ChannelRecorder answers(redis().options(), {channel(999)});
    probe().publish(channel(1),
                    R"({"requestId":"r-1","senderInstanceId":999,"type":"echo","data":"hello",)"
                    R"("heartbeat":false,"reply":0,"error":"no","more":[1,2,{}],"traceId":"t"})");
    const auto is_answered = [&] { return answers.size() == 1; };
    CO_ASSERT_TRUE(co_await eventually(is_answered));
    const Json answer = answers.json().front();
    EXPECT_EQ(answer.at("requestId"), "r-1");
    EXPECT_EQ(answer.at("reply"), true);
    EXPECT_EQ(answer.at("data"), "hello");
    EXPECT_EQ(pair.a.stats().messages_dropped, 0U);
    co_await pair.a.stop();
  });
}

TEST_F(BadInput, AnAnswerThatMakesNoSenseDoesNotEndTheCall) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Pair pair(executor, redis().options(), key());
    bool may_answer = false;
    pair.b.register_handler<"echo">([&](std::string text) -> asio::awaitable<std::string> {
      const auto allowed = [&] { return may_answer; };
      co_await eventually(allowed, 50s);
      co_return text;
    });
    co_await pair.start();
    const ChannelRecorder requests(redis().options(), {channel(pair.b.instance_id())});
    const auto call = begin_echo(executor, pair.a, pair.b.instance_id(), "hello", 50s);
    const auto is_sent = [&] { return requests.size() == 1; };
    CO_ASSERT_TRUE(co_await eventually(is_sent));
    const std::string id = requests.json().front().at("requestId").get<std::string>();
    const std::string own_channel = channel(pair.a.instance_id());
    probe().publish(own_channel, R"({"requestId":[")" + id + R"("],"reply":true,"error":5})");
    probe().publish(own_channel, R"({"requestId":")" + id + R"(","reply":true,"data":)");
    probe().publish(own_channel, R"({"requestId":["x"],"reply":true,"data":"forged"})");
    const auto all_dropped = [&] { return pair.a.stats().messages_dropped == 3; };
    EXPECT_TRUE(co_await eventually(all_dropped));
    EXPECT_FALSE(call->is_done());
    may_answer = true;
    const auto is_done = [&] { return call->is_done(); };
    EXPECT_TRUE(co_await eventually(is_done));
    EXPECT_EQ(call->answer, "hello");
    // A second answer finds nobody who waits.
    probe().publish(own_channel, R"({"requestId":")" + id + R"(","reply":true,"data":"again"})");
    const auto is_late = [&] { return pair.a.stats().messages_late == 1; };
    EXPECT_TRUE(co_await eventually(is_late));
    EXPECT_EQ(pair.a.stats().messages_dropped, 3U);
    EXPECT_EQ(call->completions, 1);
    co_await pair.stop();
  });
}

TEST_F(BadInput, ARepeatedRequestRunsItsHandlerOnce) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Pair pair(co_await asio::this_coro::executor, redis().options(), key());
    int handled = 0;
    bool may_answer = false;
    pair.a.register_handler<"echo">([&](std::string text) -> asio::awaitable<std::string> {
      ++handled;
      const auto allowed = [&] { return may_answer; };
      co_await eventually(allowed, 50s);
      co_return text;
    });
    co_await pair.a.start();
    const ChannelRecorder answers(redis().options(), {channel(999)});
    const std::string request =
        R"({"requestId":"r-1","senderInstanceId":999,"type":"echo","data":"x","timeoutMs":600000})";
    for (int i = 0; i < 5; ++i) probe().publish(channel(1), request);
    const auto all_received = [&] { return pair.a.stats().requests_received == 5; };
    EXPECT_TRUE(co_await eventually(all_received));
    may_answer = true;
    const auto is_answered = [&] { return answers.size() == 1; };
    EXPECT_TRUE(co_await eventually(is_answered));
    // Nor does one that comes after the answer run again.
    probe().publish(channel(1), request);
    const auto is_received = [&] { return pair.a.stats().requests_received == 6; };
    EXPECT_TRUE(co_await eventually(is_received));
    EXPECT_TRUE(co_await holds_for(is_answered, 100ms));
    EXPECT_EQ(handled, 1);
    co_await pair.a.stop();
  });
}

TEST_F(BadInput, ExtremeTimeoutsAreServed) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Pair pair(co_await asio::this_coro::executor, redis().options(), key());
    co_await pair.a.start();
    const ChannelRecorder answers(redis().options(), {channel(999)});
    // On a cluster the first answer opens a connection, which may take longer than a millisecond.
    probe().publish(channel(1), request_with_data("\"first\""));
    const auto is_answered = [&] { return answers.size() == 1; };
    CO_ASSERT_TRUE(co_await eventually(is_answered));
    const std::vector<std::string> timeouts = {
        "0.001", "1", "1e12", "1e308", "9007199254740993", "18446744073709551615"};
    for (const std::string& timeout : timeouts) {
      probe().publish(channel(1), R"({"requestId":"t-)" + timeout +
                                      R"(","senderInstanceId":999,"type":"echo","data":"x",)" +
                                      R"("timeoutMs":)" + timeout + "}");
    }
    const auto responses = [&] {
      std::size_t count = 0;
      for (const Json& message : answers.json()) count += message.contains("reply") ? 1 : 0;
      return count;
    };
    const auto all_answered = [&] { return responses() == timeouts.size() + 1; };
    EXPECT_TRUE(co_await eventually(all_answered)) << responses() << pair.log.text();
    EXPECT_EQ(pair.a.stats().messages_dropped, 0U) << pair.log.text();
    co_await pair.a.stop();
  });
}

TEST_F(BadInput, StrangersInTheRegistryAreNotListed) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Pair pair(co_await asio::this_coro::executor, redis().options(), key());
    co_await pair.start();
    const std::string now = std::to_string(probe().time().count() + 100000);
    for (const std::string id : {"", "no number", "12x", "99999999999999999999999", "\xff"}) {
      probe().command({"ZADD", name("heartbeats"), now, id});
    }
    const auto nodes = co_await pair.a.get_nodes();
    EXPECT_EQ(nodes.size(), 2U);
    // And expired ones do not keep the leader from its work.
    probe().command({"ZADD", name("heartbeats"), "1000", "no number either"});
    const auto is_removed = [&] {
      return !probe().zscore(name("heartbeats"), "no number either").has_value();
    };
    EXPECT_TRUE(co_await eventually(is_removed));
    co_await pair.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
