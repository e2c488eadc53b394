#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <integration/support/mesh_test.hpp>
#include <integration/support/out_of_time.hpp>
#include <integration/support/outcome.hpp>
#include <integration/support/raw_peer.hpp>

namespace mesh::test {
namespace {

class Invoke : public MeshTest {
 protected:
  static constexpr InstanceId peer_id = 777;

  std::unique_ptr<RawPeer> make_peer(InstanceId id = peer_id) {
    return std::make_unique<RawPeer>(redis().options(), "test:mesh:" + key(), id);
  }

  static std::set<std::string> fields(const Json& object) {
    std::set<std::string> names;
    for (const auto& [name, value] : object.items()) names.insert(name);
    return names;
  }
};

using Fields = std::set<std::string>;

bool is_uuid(const Json& value) {
  static const std::regex pattern(
      "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  return value.is_string() && std::regex_match(value.get<std::string>(), pattern);
}

TEST_F(Invoke, BringsTheTypedResponseOfAnotherNode) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    target->register_handler<"getStatus">([](StatusRequest request) {
      StatusReply reply;
      reply.status = request.verbose ? "ok, in detail" : "ok";
      reply.uptime = 12.5;
      return reply;
    });
    StatusRequest request;
    request.verbose = true;
    const StatusReply reply = co_await caller->invoke<"getStatus">(2, request);
    EXPECT_EQ(reply.status, "ok, in detail");
    EXPECT_EQ(reply.uptime, 12.5);
    co_await target->stop();
    co_await caller->stop();
  });
}

TEST_F(Invoke, CallsEachOfSeveralNodesInBothDirections) {
  run_coroutine([&]() -> asio::awaitable<void> {
    std::vector<std::unique_ptr<Service>> nodes;
    for (int i = 0; i < 3; ++i) {
      nodes.push_back(co_await start_node());
      Service& node = *nodes.back();
      node.register_handler<"ask">([&node] { return text_of(std::to_string(node.instance_id())); });
    }
    for (const auto& caller : nodes) {
      for (const auto& target : nodes) {
        const InstanceId id = target->instance_id();
        const Text reply = co_await caller->invoke<"ask">(id);
        EXPECT_EQ(reply.text, std::to_string(id));
      }
    }
    for (const auto& node : nodes) co_await node->stop();
  });
}

TEST_F(Invoke, HandlersMayCallBack) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    caller->register_handler<"ask">([] { return text_of("called back"); });
    auto forward = [&]() -> asio::awaitable<Text> { co_return co_await target->invoke<"ask">(1); };
    target->register_handler<"ask">(forward);
    const Text reply = co_await caller->invoke<"ask">(2);
    EXPECT_EQ(reply.text, "called back");
    co_await target->stop();
    co_await caller->stop();
  });
}

TEST_F(Invoke, ASlowCallDoesNotHoldUpOthers) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    bool released = false;
    auto wait = [&](Text request) -> asio::awaitable<Text> {
      if (request.text == "slow") co_await eventually([&] { return released; });
      co_return request;
    };
    target->register_handler<"echo">(wait);
    const Text slow = text_of("slow");
    const Text quick = text_of("quick");
    Outcome<Text> outcome;
    caller->invoke<"echo">(2, slow, {}, outcome.token());
    const Text reply = co_await caller->invoke<"echo">(2, quick);
    EXPECT_EQ(reply.text, "quick");
    EXPECT_FALSE(outcome.done());
    released = true;
    const Text slow_reply = co_await outcome.get();
    EXPECT_EQ(slow_reply.text, "slow");
    co_await target->stop();
    co_await caller->stop();
  });
}

TEST_F(Invoke, CarriesManyCallsAtOnce) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    target->register_handler<"echo">([](Text request) { return request; });
    constexpr int count = 500;
    std::vector<Outcome<Text>> outcomes(count);
    for (int i = 0; i < count; ++i) {
      const Text request = text_of(std::to_string(i));
      caller->invoke<"echo">(2, request, {}, outcomes[static_cast<std::size_t>(i)].token());
    }
    for (int i = 0; i < count; ++i) {
      const Text reply = co_await outcomes[static_cast<std::size_t>(i)].get();
      EXPECT_EQ(reply.text, std::to_string(i));
    }
    co_await target->stop();
    co_await caller->stop();
  });
}

TEST_F(Invoke, CarriesAMegabyte) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    target->register_handler<"echo">([](Text request) { return request; });
    const Text request = text_of(std::string(1U << 20U, 'm'));
    const Text reply = co_await caller->invoke<"echo">(2, request);
    EXPECT_TRUE(reply.text == request.text);
    co_await target->stop();
    co_await caller->stop();
  });
}

TEST_F(Invoke, CarriesUntypedJsonUnchanged) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    target->register_handler<"untyped">([](Json request) { return request; });
    std::vector<Json> documents;
    for (const char* text :
         {"null", "true", "-9007199254740991", "18446744073709551615", "0.1", "\"\\u0000 \\u00fc\"",
          "[]", "{}", R"([1,"two",[3,null],{"four":{"":-4.5e300}}])", "\"\""}) {
      documents.push_back(Json::parse(text));
    }
    for (const Json& document : documents) {
      const Json reply = co_await caller->invoke<"untyped">(2, document);
      EXPECT_EQ(reply, document);
      EXPECT_EQ(reply.type(), document.type());
    }
    co_await target->stop();
    co_await caller->stop();
  });
}

// The wire ----------------------------------------------------------------------------------------

TEST_F(Invoke, SendsTheRequestInItsDocumentedShape) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    StatusRequest request;
    request.verbose = true;
    Outcome<StatusReply> outcome;
    caller->invoke<"getStatus">(peer_id, request, {}, outcome.token());
    const Json sent = co_await peer->message(0);
    CO_ASSERT_TRUE(sent.is_object());
    EXPECT_EQ(fields(sent),
              (Fields{"requestId", "senderInstanceId", "type", "data", "timeoutMs", "accepts"}));
    EXPECT_TRUE(is_uuid(sent.at("requestId"))) << sent.dump();
    EXPECT_EQ(sent.at("senderInstanceId"), 1);
    EXPECT_TRUE(sent.at("senderInstanceId").is_number_integer());
    EXPECT_EQ(sent.at("type"), "getStatus");
    EXPECT_EQ(sent.at("data"), (Json{{"verbose", true}}));
    EXPECT_EQ(sent.at("timeoutMs"), 30000);
    EXPECT_TRUE(sent.at("timeoutMs").is_number_integer());

    const Json data{{"status", "by hand"}, {"uptime", 1}};
    const Json response{{"requestId", sent.at("requestId")}, {"reply", true}, {"data", data}};
    peer->send(1, response);
    const StatusReply reply = co_await outcome.get();
    EXPECT_EQ(reply.status, "by hand");
    EXPECT_EQ(reply.uptime, 1);
    co_await caller->stop();
    EXPECT_EQ(peer->received().size(), 1U);
  });
}

TEST_F(Invoke, SendsThePerCallTimeout) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const Text request = text_of("x");
    Outcome<Text> outcome;
    InvokeOptions call;
    call.timeout = 12345ms;
    caller->invoke<"echo">(peer_id, request, call, outcome.token());
    const Json sent = co_await peer->message(0);
    CO_ASSERT_TRUE(sent.is_object());
    EXPECT_EQ(sent.at("timeoutMs"), 12345);
    co_await caller->stop();
    co_await expect_error<MeshStoppedError>(outcome.get());
  });
}

TEST_F(Invoke, GivesEachRequestAnIdOfItsOwn) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto first = co_await start_node();
    const auto second = co_await start_node();
    constexpr std::size_t count = 500;
    std::vector<Outcome<Text>> outcomes(2 * count);
    for (std::size_t i = 0; i < count; ++i) {
      first->invoke<"ask">(peer_id, {}, outcomes[2 * i].token());
      second->invoke<"ask">(peer_id, {}, outcomes[2 * i + 1].token());
    }
    CO_ASSERT_TRUE(co_await eventually([&] { return peer->received().size() == 2 * count; }));
    std::set<std::string> ids;
    for (const Json& request : peer->received()) ids.insert(request.at("requestId"));
    EXPECT_EQ(ids.size(), 2 * count);
    co_await first->stop();
    co_await second->stop();
  });
}

TEST_F(Invoke, AnswersARequestInTheDocumentedShape) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto target = co_await start_node();
    target->register_handler<"echo">([](Text request) { return request; });
    const Json data{{"text", "hello"}};
    peer->send(1, peer->request("id-1", "echo", data, 30000));
    const Json expected{{"requestId", "id-1"}, {"reply", true}, {"data", data}};
    const Json answer = co_await peer->message(0);
    EXPECT_EQ(answer, expected);
    co_await target->stop();
  });
}

TEST_F(Invoke, AnswersAFailureInTheDocumentedShape) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto target = co_await start_node();
    target->register_handler<"echo">(
        [](const Text&) -> Text { throw std::runtime_error("broken: \"quoted\" \xc3\xa9"); });
    peer->send(1, peer->request("id-1", "echo", Json{{"text", ""}}, 30000));
    const Json expected{
        {"requestId", "id-1"}, {"reply", true}, {"error", "broken: \"quoted\" \xc3\xa9"}};
    const Json answer = co_await peer->message(0);
    EXPECT_EQ(answer, expected);
    co_await target->stop();
  });
}

TEST_F(Invoke, AnswersAnUnknownTypeInTheDocumentedShape) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto target = co_await start_node();
    peer->send(1, peer->request("id-1", "unheard of", nullptr, 30000));
    const Json expected{
        {"requestId", "id-1"}, {"reply", true}, {"error", "MESH_NO_HANDLER:unheard of"}};
    const Json answer = co_await peer->message(0);
    EXPECT_EQ(answer, expected);
    co_await target->stop();
  });
}

TEST_F(Invoke, SendsHeartbeatsInTheDocumentedShape) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto target = co_await start_node();
    bool released = false;
    auto wait = [&]() -> asio::awaitable<void> { co_await eventually([&] { return released; }); };
    target->register_handler<"nothing">(wait);
    peer->send(1, peer->request("id-1", "nothing", nullptr, 100));
    const Json heartbeat = co_await peer->message(0);
    const Json expected{{"requestId", "id-1"}, {"heartbeat", true}};
    EXPECT_EQ(heartbeat, expected);
    released = true;
    const Json response{{"requestId", "id-1"}, {"reply", true}, {"data", nullptr}};
    auto answered = [&] { return peer->received().back() == response; };
    EXPECT_TRUE(co_await eventually(answered));
    const std::size_t messages = peer->received().size();
    EXPECT_TRUE(co_await heartbeats_pass(1, 6));
    EXPECT_EQ(peer->received().size(), messages) << "heartbeats went on after the response";
    co_await target->stop();
  });
}

TEST_F(Invoke, IgnoresUnknownFields) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    node->register_handler<"echo">([](Text request) { return request; });
    Json request = peer->request("id-1", "echo", Json{{"text", "hi"}, {"more", 1}}, 30000);
    request["traceId"] = Json{{"a", 1}};
    peer->send(1, request);
    const Json answer = co_await peer->message(0);
    EXPECT_EQ(answer.at("data"), (Json{{"text", "hi"}}));

    Outcome<Text> outcome;
    node->invoke<"ask">(peer_id, {}, outcome.token());
    const Json sent = co_await peer->message(1);
    CO_ASSERT_TRUE(sent.is_object());
    const Json response{{"requestId", sent.at("requestId")},
                        {"reply", true},
                        {"data", Json{{"text", "ho"}, {"more", 1}}},
                        {"extra", "field"}};
    peer->send(1, response);
    const Text reply = co_await outcome.get();
    EXPECT_EQ(reply.text, "ho");
    co_await node->stop();
  });
}

TEST_F(Invoke, ReadsAbsentDataAsNull) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    node->register_handler<"untyped">([](Json request) { return Json::array({request}); });
    Json request = peer->request("id-1", "untyped", nullptr, 30000);
    request.erase("data");
    peer->send(1, request);
    const Json answer = co_await peer->message(0);
    EXPECT_EQ(answer.at("data"), Json::array({nullptr}));

    Outcome<Json> outcome;
    const Json any = 1;
    node->invoke<"untyped">(peer_id, any, {}, outcome.token());
    Json sent = co_await peer->message(1);
    CO_ASSERT_TRUE(sent.is_object());
    peer->send(1, Json{{"requestId", sent.at("requestId")}, {"reply", true}});
    const Json reply = co_await outcome.get();
    EXPECT_TRUE(reply.is_null());
    co_await node->stop();
  });
}

TEST_F(Invoke, ARequestThatArrivesTwiceWhileItIsServedRunsOnce) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    int runs = 0;
    bool released = false;
    auto wait = [&]() -> asio::awaitable<void> {
      ++runs;
      co_await eventually([&] { return released; });
    };
    node->register_handler<"nothing">(wait);
    const Json request = peer->request("id-1", "nothing", nullptr, 30000);
    peer->send(1, request);
    peer->send(1, request);
    peer->send(1, peer->request("id-2", "unheard of", nullptr, 30000));
    // Messages of one sender arrive in order: with this answer all of them have arrived.
    const Json answer = co_await peer->message(0);
    EXPECT_EQ(answer.at("requestId"), "id-2");
    EXPECT_TRUE(co_await eventually([&] { return runs > 0; }));
    released = true;
    const Json response = co_await peer->message(1);
    EXPECT_EQ(response.at("requestId"), "id-1");
    EXPECT_TRUE(co_await heartbeats_pass(1, 3));
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(peer->received().size(), 2U);
    co_await node->stop();
  });
}

TEST_F(Invoke, ARequestThatArrivesAgainAfterItsAnswerDoesNotRunAgain) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    int runs = 0;
    node->register_handler<"nothing">([&] { ++runs; });
    const Json request = peer->request("id-1", "nothing", nullptr, 30000);
    peer->send(1, request);
    const Json answer = co_await peer->message(0);
    EXPECT_EQ(answer.at("requestId"), "id-1");
    peer->send(1, request);
    peer->send(1, peer->request("id-2", "nothing", nullptr, 30000));
    CO_ASSERT_TRUE(co_await eventually([&] { return runs >= 2; }));
    EXPECT_TRUE(co_await heartbeats_pass(1, 3));
    EXPECT_EQ(runs, 2);
    co_await node->stop();
  });
}

// Timeouts ----------------------------------------------------------------------------------------

TEST_F(Invoke, HeartbeatsFollowTheTimeoutOfEachCaller) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.request_timeout = 10min;
    const auto node = co_await start_node(node_options);
    bool released = false;
    auto wait = [&]() -> asio::awaitable<void> {
      co_await eventually([&] { return released; }, 60s);
    };
    node->register_handler<"nothing">(wait);
    const auto begin = SteadyClock::now();
    peer->send(1, peer->request("short", "nothing", nullptr, 400));
    peer->send(1, peer->request("medium", "nothing", nullptr, 1000));
    peer->send(1, peer->request("long", "nothing", nullptr, 600000));
    CO_ASSERT_TRUE(co_await eventually([&] { return peer->heartbeats("short") >= 1; }));
    EXPECT_GE(SteadyClock::now() - begin, 300ms);
    CO_ASSERT_TRUE(co_await eventually([&] { return peer->heartbeats("medium") >= 3; }));
    // Never more often than every 0.75 of the timeout, counted before the time is taken.
    const auto shorts = peer->heartbeats("short");
    const auto mediums = peer->heartbeats("medium");
    const auto elapsed = SteadyClock::now() - begin;
    EXPECT_GE(elapsed, shorts * 300ms);
    EXPECT_GE(elapsed, mediums * 750ms);
    EXPECT_GT(shorts, mediums);
    EXPECT_EQ(peer->heartbeats("long"), 0U);
    released = true;
    co_await node->stop();
  });
}

TEST_F(Invoke, ARequestWithoutTimeoutIsHeartbeatByTheHandlersOwnDefault) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.request_timeout = 400ms;
    const auto node = co_await start_node(node_options);
    bool released = false;
    auto wait = [&]() -> asio::awaitable<void> { co_await eventually([&] { return released; }); };
    node->register_handler<"nothing">(wait);
    Json request = peer->request("id-1", "nothing", nullptr, 1);
    request.erase("timeoutMs");
    const auto begin = SteadyClock::now();
    peer->send(1, request);
    CO_ASSERT_TRUE(co_await eventually([&] { return peer->heartbeats("id-1") >= 3; }));
    const auto count = peer->heartbeats("id-1");
    EXPECT_GE(SteadyClock::now() - begin, count * 300ms);
    released = true;
    co_await node->stop();
  });
}

TEST_F(Invoke, AHandlerMayTakeThreeTimesTheTimeout) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions caller_options = options();
    caller_options.request_timeout = 2s;
    MeshOptions target_options = options();
    target_options.request_timeout = 10min;
    const auto caller = co_await start_node(caller_options);
    const auto target = co_await start_node(target_options);
    auto slow = [](Text request) -> asio::awaitable<Text> {
      co_await sleep_for(6s);
      co_return request;
    };
    target->register_handler<"echo">(slow);
    const Text request = text_of("at last");
    const auto begin = SteadyClock::now();
    const Text reply = co_await caller->invoke<"echo">(2, request);
    EXPECT_EQ(reply.text, "at last");
    EXPECT_GE(SteadyClock::now() - begin, 6s);
    co_await target->stop();
    co_await caller->stop();
  });
}

TEST_F(Invoke, TheTimeoutCountsFromTheLastHeartbeat) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    Outcome<Text> outcome;
    InvokeOptions call;
    call.timeout = 2s;
    caller->invoke<"ask">(peer_id, call, outcome.token());
    const Json sent = co_await peer->message(0);
    CO_ASSERT_TRUE(sent.is_object());
    const Json heartbeat{{"requestId", sent.at("requestId")}, {"heartbeat", true}};
    SteadyClock::time_point last;
    for (int i = 0; i < 15; ++i) {
      co_await sleep_for(200ms);
      last = SteadyClock::now();
      peer->send(1, heartbeat);
    }
    EXPECT_FALSE(outcome.done());
    co_await expect_error<MeshRequestTimeoutError>(outcome.get());
    EXPECT_GE(SteadyClock::now() - last, 2s);
    co_await caller->stop();
  });
}

TEST_F(Invoke, ANodeThatNeverAnswersTimesOut) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.request_timeout = 2s;
    const auto caller = co_await start_node(node_options);
    const auto begin = SteadyClock::now();
    const auto error = co_await expect_error<MeshRequestTimeoutError>(caller->invoke<"ask">(777));
    CO_ASSERT_TRUE(error);
    EXPECT_GE(SteadyClock::now() - begin, 2s);
    EXPECT_EQ(error->instance_id(), 777);
    EXPECT_EQ(error->type(), "ask");
    EXPECT_NE(std::string(error->what()).find("2000 ms"), std::string::npos) << error->what();
    co_await caller->stop();
  });
}

TEST_F(Invoke, ThePerCallTimeoutOverridesTheDefault) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.request_timeout = 10min;
    const auto caller = co_await start_node(node_options);
    const Text request = text_of("x");
    const auto call_for = [&](std::chrono::milliseconds time) {
      return caller->invoke<"echo">(peer_id, request, {.timeout = time});
    };
    co_await out_of_time<MeshRequestTimeoutError>(call_for);
    co_await caller->stop();

    node_options.request_timeout = 1ms;
    const auto impatient = co_await start_node(node_options);
    const auto target = co_await start_node();
    target->register_handler<"echo">([](Text text) { return text; });
    const InstanceId id = target->instance_id();
    const Text reply = co_await impatient->invoke<"echo">(id, request, {.timeout = 30s});
    EXPECT_EQ(reply.text, "x");
    co_await impatient->stop();
    co_await target->stop();
  });
}

TEST_F(Invoke, AnAnswerAfterTheTimeoutIsDroppedAndCounted) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto call_for = [&](std::chrono::milliseconds time) {
      return caller->invoke<"ask">(peer_id, {.timeout = time});
    };
    co_await out_of_time<MeshRequestTimeoutError>(call_for);
    const Json sent = co_await peer->message(0);
    CO_ASSERT_TRUE(sent.is_object());
    const auto late = caller->stats().messages_late;
    const Json data{{"text", "late"}};
    peer->send(1, Json{{"requestId", sent.at("requestId")}, {"reply", true}, {"data", data}});
    EXPECT_TRUE(co_await eventually([&] { return caller->stats().messages_late > late; }));
    co_await caller->stop();
  });
}

// Failures ----------------------------------------------------------------------------------------

TEST_F(Invoke, AnUnknownIdIsUnreachableAtOnce) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.request_timeout = 10min;
    const auto caller = co_await start_node(node_options);
    for (const InstanceId id : {InstanceId{42}, InstanceId{0}, InstanceId{-1}}) {
      const auto error = co_await expect_error<MeshNodeUnreachableError>(caller->invoke<"ask">(id));
      CO_ASSERT_TRUE(error);
      EXPECT_EQ(error->instance_id(), id);
      EXPECT_EQ(error->type(), "ask");
    }
    co_await caller->stop();
  });
}

TEST_F(Invoke, AStoppedNodeIsUnreachableAtOnce) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.request_timeout = 10min;
    const auto caller = co_await start_node(node_options);
    const auto target = co_await start_node();
    co_await target->stop();
    co_await expect_error<MeshNodeUnreachableError>(caller->invoke<"ask">(2));
    co_await caller->stop();
  });
}

TEST_F(Invoke, AMissingHandlerOnTheOtherNodeIsReportedByItsType) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    caller->register_handler<"ask">([] { return text_of("not mine"); });
    const auto error = co_await expect_error<MeshNoHandlerError>(caller->invoke<"ask">(2));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->type(), "ask");
    co_await target->stop();
    co_await caller->stop();
  });
}

TEST_F(Invoke, AHandlersErrorArrivesWithExactlyItsMessage) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    target->register_handler<"echo">(
        [](const Text& request) -> Text { throw std::invalid_argument(request.text); });
    for (const std::string message :
         {"plain", "", "line\nbreak \"quotes\" \\ \xe2\x82\xac", "MESH_NO_HANDLE"}) {
      const Text request = text_of(message);
      const auto error =
          co_await expect_error<MeshHandlerError>(caller->invoke<"echo">(2, request));
      CO_ASSERT_TRUE(error);
      EXPECT_EQ(std::string(error->what()), message);
    }
    co_await target->stop();
    co_await caller->stop();
  });
}

TEST_F(Invoke, AHandlersErrorThatIsNoExceptionClassArrivesToo) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    target->register_handler<"ask">([]() -> Text { throw 42; });  // NOLINT
    co_await expect_error<MeshHandlerError>(caller->invoke<"ask">(2));
    target->register_handler<"ask">([]() -> Text { throw std::runtime_error("\xff\xfe"); });
    co_await expect_error<MeshHandlerError>(caller->invoke<"ask">(2));
    co_await target->stop();
    co_await caller->stop();
  });
}

TEST_F(Invoke, AnErrorFieldMeansFailureEvenWhenEmptyOrWithData) {
  const auto peer = make_peer();
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    std::vector<Json> responses;
    responses.push_back(Json{{"reply", true}, {"error", ""}});
    responses.push_back(Json{{"reply", true}, {"error", ""}, {"data", Json{{"text", "fine"}}}});
    for (std::size_t i = 0; i < responses.size(); ++i) {
      Outcome<Text> outcome;
      caller->invoke<"ask">(peer_id, {}, outcome.token());
      const Json sent = co_await peer->message(i);
      CO_ASSERT_TRUE(sent.is_object());
      Json response = responses[i];
      response["requestId"] = sent.at("requestId");
      peer->send(1, response);
      const auto error = co_await expect_error<MeshHandlerError>(outcome.get());
      CO_ASSERT_TRUE(error);
      EXPECT_STREQ(error->what(), "");
    }
    co_await caller->stop();
  });
}

// Figures -----------------------------------------------------------------------------------------

TEST_F(Invoke, CountsCallsAndRequests) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await start_node();
    target->register_handler<"ask">([] { return text_of("yes"); });
    co_await caller->invoke<"ask">(2);
    co_await caller->invoke<"ask">(2);
    co_await expect_error<MeshNoHandlerError>(caller->invoke<"nothing">(2));
    co_await expect_error<MeshNodeUnreachableError>(caller->invoke<"nothing">(3));
    const MeshStats calls = caller->stats();
    EXPECT_EQ(calls.calls_sent, 4U);
    EXPECT_EQ(calls.calls_succeeded, 2U);
    EXPECT_EQ(calls.calls_failed, 2U);
    EXPECT_EQ(calls.requests_received, 0U);
    EXPECT_EQ(calls.messages_dropped, 0U);
    EXPECT_EQ(calls.reconnects, 0U);
    const MeshStats served = target->stats();
    EXPECT_EQ(served.calls_sent, 0U);
    EXPECT_EQ(served.requests_received, 3U);
    EXPECT_EQ(served.requests_refused, 0U);
    co_await target->stop();
    co_await caller->stop();
    EXPECT_EQ(target->stats().requests_received, 3U);
  });
}

}  // namespace
}  // namespace mesh::test
