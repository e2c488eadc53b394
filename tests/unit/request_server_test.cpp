#include <core/request_server.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/thread_pool.hpp>
#include <mesh/codec/nlohmann.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>

#include <unit/run_on_strand.hpp>

namespace mesh::core {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using test::eventually;
using test::run_on_strand;
using test::soon;

struct Sent {
  InstanceId target = 0;
  Json message;
  std::chrono::milliseconds useful_for{0};
};

/// A server whose messages are kept instead of sent.
struct Fixture {
  explicit Fixture(const Strand& strand, MeshLimits limits = {})
      : Fixture(strand, limits, strand.get_inner_executor()) {}
  Fixture(const Strand& strand, MeshLimits limits, asio::any_io_executor executor)
      : server(
            std::make_shared<RequestServer>(RequestServer::Context{strand,
                                                                   std::move(executor),
                                                                   limits,
                                                                   10s,
                                                                   log.sink(),
                                                                   {},
                                                                   [this] { return is_connected; }},
                                            counters)) {
    server->start([this](InstanceId target, const Answer& answer) {
      sent.push_back(Sent{target, Json::parse(answer.message), answer.useful_for});
    });
  }

  template <typename Request, typename Response, typename Function>
  void handle(const char* type, Function function) {
    server->handlers().set(type,
                           std::make_shared<detail::FunctionHandler<Function, Request, Response>>(
                               type, std::move(function)));
  }
  template <typename Payload, typename Function>
  void handle_broadcast(const char* type, Function function) {
    server->broadcast_handlers().set(
        type, std::make_shared<detail::FunctionBroadcastHandler<Function, Payload>>(
                  type, std::move(function)));
  }

  static wire::Request request(const std::string& id, const std::string& type,
                               const Json& data = nullptr, std::chrono::milliseconds timeout = 5s) {
    return wire::Request{id, 3, type, data.dump(), timeout};
  }

  std::size_t responses() const {
    std::size_t count = 0;
    for (const Sent& one : sent) count += one.message.contains("reply") ? 1 : 0;
    return count;
  }

  asio::awaitable<void> stop() {
    server->cancel_all();
    EXPECT_TRUE(co_await server->join_until(soon()));
  }

  test::LogCapture log;
  Counters counters;
  bool is_connected = true;
  std::vector<Sent> sent;
  std::shared_ptr<RequestServer> server;
};

TEST(RequestServer, AnswersTheCallerWithTheResult) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    fixture.handle<int, int>("double", [](int value) { return 2 * value; });
    fixture.server->on_request(Fixture::request("r", "double", 4));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 1; }));
    EXPECT_EQ(fixture.sent.at(0).target, 3);
    EXPECT_EQ(fixture.sent.at(0).message,
              Json::parse(R"({"requestId":"r","reply":true,"data":8})"));
    EXPECT_EQ(fixture.counters.requests_received, 1U);
    co_await fixture.stop();
  });
}

TEST(RequestServer, WhatWasRefusedDoesNotRunWhenItIsRepeated) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    MeshLimits limits;
    limits.concurrent_handlers = 1;
    limits.queued_handlers = 0;
    Fixture fixture(strand, limits);
    int runs = 0;
    bool may_end = false;
    fixture.handle<void, void>("work", [&]() -> asio::awaitable<void> {
      ++runs;
      EXPECT_TRUE(co_await eventually([&] { return may_end; }));
    });
    fixture.server->on_request(Fixture::request("a", "work"));
    auto refused = Fixture::request("b", "work");
    refused.accepts = 1;
    fixture.server->on_request(wire::Request(refused));
    CO_ASSERT_TRUE(fixture.sent.size() == 1);
    EXPECT_EQ(fixture.sent.at(0).message.at("code"), "busy");
    may_end = true;
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 2; }));
    refused.repeat = true;
    fixture.server->on_request(wire::Request(refused));
    CO_ASSERT_TRUE(fixture.sent.size() == 3);
    EXPECT_EQ(fixture.sent.at(2).message, fixture.sent.at(0).message);
    EXPECT_EQ(runs, 1);
    co_await fixture.stop();
  });
}

TEST(RequestServer, WhatIsCancelledOrLateBeforeItsTurnOnTheExecutorDoesNotRun) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    int runs = 0;
    fixture.handle<void, void>("plain", [&] { ++runs; });
    fixture.handle<void, void>("coroutine", [&]() -> asio::awaitable<void> {
      ++runs;
      co_return;
    });
    for (const char* type : {"plain", "coroutine"}) {
      fixture.server->on_request(Fixture::request(type, type));
      fixture.server->on_cancel(std::string_view(type));
    }
    auto late = Fixture::request("late", "plain");
    late.deadline = 0ms;
    late.accepts = 1;
    fixture.server->on_request(wire::Request(late));
    EXPECT_TRUE(co_await eventually([&] { return fixture.server->is_drained(); }));
    CO_ASSERT_TRUE(fixture.sent.size() == 1);
    EXPECT_EQ(fixture.sent.at(0).message.at("code"), "deadline");
    EXPECT_EQ(fixture.sent.at(0).message.at("executed"), "no");
    EXPECT_EQ(runs, 0);
    co_await fixture.stop();
  });
}

TEST(RequestServer, AnswersWithWhatTheHandlerThrew) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    fixture.handle<void, void>("plain", [] { throw std::runtime_error("boom"); });
    fixture.handle<void, void>("coroutine", []() -> asio::awaitable<void> {
      co_await test::sleep_for(1ms);
      throw std::runtime_error("");
    });
    fixture.handle<void, void>("odd", [] { throw 5; });
    fixture.server->on_request(Fixture::request("1", "plain"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 1; }));
    fixture.server->on_request(Fixture::request("2", "coroutine"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 2; }));
    fixture.server->on_request(Fixture::request("3", "odd"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 3; }));
    EXPECT_EQ(fixture.sent.at(0).message.at("error"), "boom");
    EXPECT_EQ(fixture.sent.at(1).message.at("error"), "");
    EXPECT_TRUE(fixture.sent.at(2).message.at("error").is_string());
    co_await fixture.stop();
  });
}

TEST(RequestServer, AResultThatJsonDoesNotHaveIsAnErrorThatNamesTheField) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    using Prices = std::vector<double>;
    Fixture fixture(strand);
    fixture.handle<void, Prices>("plain", [] { return Prices{1, std::nan("")}; });
    fixture.handle<void, Prices>("coroutine",
                                 []() -> asio::awaitable<Prices> { co_return Prices{-HUGE_VAL}; });
    fixture.server->on_request(Fixture::request("1", "plain"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 1; }));
    fixture.server->on_request(Fixture::request("2", "coroutine"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 2; }));
    const std::string first = fixture.sent.at(0).message.value("error", "");
    EXPECT_NE(first.find("field /1: JSON has no number for NaN"), std::string::npos) << first;
    const std::string second = fixture.sent.at(1).message.value("error", "");
    EXPECT_NE(second.find("field /0: JSON has no number for -infinity"), std::string::npos)
        << second;
    co_await fixture.stop();
  });
}

TEST(RequestServer, AResultThatIsTooDeepIsAnError) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    MeshLimits limits;
    limits.nesting_depth = 3;
    Fixture fixture(strand, limits);
    fixture.handle<int, Json>("deep", [](int depth) {
      Json value = 1;
      for (int i = 0; i < depth; ++i) value = Json::array({value});
      return value;
    });
    fixture.server->on_request(Fixture::request("1", "deep", 2));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 1; }));
    fixture.server->on_request(Fixture::request("2", "deep", 3));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 2; }));
    EXPECT_EQ(fixture.sent.at(0).message.at("data"), Json::parse("[[1]]"));
    const std::string error = fixture.sent.at(1).message.value("error", "");
    EXPECT_NE(error.find("MeshLimits::nesting_depth"), std::string::npos) << error;
    co_await fixture.stop();
  });
}

TEST(RequestServer, WhoSentAnUnreadableRequestIsToldOnce) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    int handled = 0;
    fixture.handle<void, void>("count", [&] { ++handled; });
    auto unreadable = Fixture::request("1", "");
    fixture.server->on_unreadable(unreadable, wire::Malformed{"it is no JSON"});
    CO_ASSERT_TRUE(fixture.sent.size() == 1);
    EXPECT_EQ(fixture.sent.at(0).target, 3);
    const std::string error = fixture.sent.at(0).message.value("error", "");
    EXPECT_NE(error.find("it is no JSON"), std::string::npos) << error;
    // The same again, and one that could be read, but for which the caller does not wait any more.
    fixture.server->on_unreadable(unreadable, wire::Malformed{"it is no JSON"});
    fixture.server->on_request(Fixture::request("1", "count"));
    EXPECT_EQ(fixture.sent.size(), 1U);
    unreadable.repeat = true;
    fixture.server->on_unreadable(unreadable, wire::Malformed{"it is no JSON"});
    CO_ASSERT_TRUE(fixture.sent.size() == 2);
    EXPECT_EQ(fixture.sent.at(1).message, fixture.sent.at(0).message);
    EXPECT_EQ(handled, 0);
    EXPECT_TRUE(fixture.server->is_drained());
    co_await fixture.stop();
  });
}

TEST(RequestServer, AnUnknownTypeIsNoHandler) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    fixture.server->on_request(Fixture::request("r", "nothing"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 1; }));
    EXPECT_EQ(fixture.sent.at(0).message.at("error"), "MESH_NO_HANDLER:nothing");
    co_await fixture.stop();
  });
}

TEST(RequestServer, DataThatDoesNotDecodeIsAnErrorNamingTypeAndField) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    fixture.handle<std::vector<int>, int>("sum", [](const std::vector<int>&) { return 0; });
    Json data = Json::array({1, "two"});
    fixture.server->on_request(Fixture::request("r", "sum", data));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 1; }));
    const auto error = fixture.sent.at(0).message.at("error").get<std::string>();
    EXPECT_NE(error.find("sum"), std::string::npos) << error;
    EXPECT_NE(error.find("/1"), std::string::npos) << error;
    co_await fixture.stop();
  });
}

TEST(RequestServer, SendsHeartbeatsWhileTheHandlerRuns) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    bool release = false;
    fixture.handle<void, int>("slow", [&]() -> asio::awaitable<int> {
      EXPECT_TRUE(co_await eventually([&] { return release; }));
      co_return 1;
    });
    const auto begin = Clock::now();
    fixture.server->on_request(Fixture::request("r", "slow", nullptr, 400ms));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 3; }));
    EXPECT_GE(Clock::now() - begin, 900ms);  // three times 0.75 x 400 ms
    for (const Sent& one : fixture.sent) {
      EXPECT_EQ(one.message, Json::parse(R"({"requestId":"r","heartbeat":true})"));
      EXPECT_EQ(one.target, 3);
    }
    release = true;
    EXPECT_TRUE(co_await eventually([&] { return fixture.responses() == 1; }));
    const auto count = fixture.sent.size();
    co_await test::sleep_for(600ms);
    EXPECT_EQ(fixture.sent.size(), count) << "a heartbeat after the response";
    co_await fixture.stop();
  });
}

TEST(RequestServer, AQuickHandlerSendsNoHeartbeat) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    fixture.handle<void, int>("quick", [] { return 1; });
    fixture.server->on_request(Fixture::request("r", "quick"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.responses() == 1; }));
    EXPECT_EQ(fixture.sent.size(), 1U);
    co_await fixture.stop();
  });
}

TEST(RequestServer, TheSameRequestIdRunsTheHandlerOnce) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    int calls = 0;
    fixture.handle<void, void>("slow", [&]() -> asio::awaitable<void> {
      ++calls;
      co_await test::sleep_for(20ms);
    });
    fixture.server->on_request(Fixture::request("r", "slow"));
    fixture.server->on_request(Fixture::request("r", "slow"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.responses() == 1; }));
    co_await test::sleep_for(20ms);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(fixture.responses(), 1U);
    co_await fixture.stop();
  });
}

TEST(RequestServer, ARepetitionAfterTheAnswerDoesNotRunTheHandlerAgain) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    int calls = 0;
    fixture.handle<void, void>("quick", [&] { ++calls; });
    fixture.server->on_request(Fixture::request("r", "quick"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.responses() == 1; }));
    fixture.server->on_request(Fixture::request("r", "quick"));
    co_await test::sleep_for(20ms);
    EXPECT_EQ(calls, 1);
    co_await fixture.stop();
  });
}

/// A server with few places whose handler "slow" runs until it is released.
struct SmallFixture : Fixture {
  SmallFixture(const Strand& strand, std::size_t handlers, std::size_t queued)
      : SmallFixture(strand, small_limits(handlers, queued)) {}
  SmallFixture(const Strand& strand, const MeshLimits& limits) : Fixture(strand, limits) {
    handle<int, int>("slow", [this](int number) -> asio::awaitable<int> {
      begun.push_back(number);
      EXPECT_TRUE(co_await eventually([this] { return release; }));
      co_return number;
    });
  }

  static MeshLimits small_limits(std::size_t handlers, std::size_t queued) {
    MeshLimits limits;
    limits.concurrent_handlers = handlers;
    limits.queued_handlers = queued;
    return limits;
  }

  void ask(int number, std::chrono::milliseconds timeout = 60s) {
    server->on_request(request(std::to_string(number), "slow", number, timeout));
  }

  const Json* answer_to(int number) const {
    for (const Sent& one : sent) {
      const Json& message = one.message;
      if (message.at("requestId") == std::to_string(number) && message.contains("reply")) {
        return &message;
      }
    }
    return nullptr;
  }

  std::vector<int> begun;
  bool release = false;
};

TEST(RequestServer, RequestsBeyondTheHandlersWaitAndBeyondThatAreRefused) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SmallFixture fixture(strand, 2, 3);
    for (int i = 1; i <= 6; ++i) fixture.ask(i);
    EXPECT_TRUE(co_await eventually([&] { return fixture.begun.size() == 2; }));
    EXPECT_EQ(fixture.responses(), 1U);
    const Json* const refusal = fixture.answer_to(6);
    CO_ASSERT_TRUE(refusal != nullptr);
    const auto error = refusal->at("error").get<std::string>();
    EXPECT_NE(error.find("concurrent_handlers"), std::string::npos) << error;
    EXPECT_NE(error.find("queued_handlers"), std::string::npos) << error;
    EXPECT_EQ(fixture.counters.requests_refused, 1U);
    fixture.release = true;
    EXPECT_TRUE(co_await eventually([&] { return fixture.responses() == 6; }));
    EXPECT_EQ(fixture.begun, (std::vector<int>{1, 2, 3, 4, 5}));
    for (int i = 1; i <= 5; ++i) EXPECT_EQ(fixture.answer_to(i)->at("data"), i);
    co_await fixture.stop();
  });
}

TEST(RequestServer, ARequestThatWaitsForTooLongIsRefused) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    MeshLimits limits = SmallFixture::small_limits(1, 1);
    limits.queued_time = 50ms;
    SmallFixture fixture(strand, limits);
    fixture.ask(1);
    fixture.ask(2);
    EXPECT_TRUE(co_await eventually([&] { return fixture.answer_to(2) != nullptr; }));
    const auto error = fixture.answer_to(2)->at("error").get<std::string>();
    EXPECT_NE(error.find("queued_time"), std::string::npos) << error;
    EXPECT_EQ(fixture.counters.requests_refused, 1U);
    // It makes room.
    fixture.ask(3);
    EXPECT_EQ(fixture.answer_to(3), nullptr);
    fixture.release = true;
    EXPECT_TRUE(co_await eventually([&] { return fixture.responses() == 3; }));
    EXPECT_EQ(fixture.begun, (std::vector<int>{1, 3}));
    co_await fixture.stop();
  });
}

TEST(RequestServer, TheCallersOfRequestsThatWaitAreSentHeartbeats) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SmallFixture fixture(strand, 1, 2);
    fixture.ask(1);
    fixture.ask(2, 40ms);
    const auto heartbeats = [&] {
      return std::ranges::count_if(fixture.sent, [](const Sent& one) {
        return one.message.contains("heartbeat") && one.message.at("requestId") == "2";
      });
    };
    EXPECT_TRUE(co_await eventually([&] { return heartbeats() >= 3; }));
    EXPECT_EQ(fixture.begun, (std::vector<int>{1}));
    fixture.release = true;
    EXPECT_TRUE(co_await eventually([&] { return fixture.responses() == 2; }));
    EXPECT_EQ(fixture.answer_to(2)->at("data"), 2);
    co_await fixture.stop();
  });
}

TEST(RequestServer, ARequestThatWaitedWhileItsCallerHeardNothingIsNotRun) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SmallFixture fixture(strand, 1, 2);
    fixture.is_connected = false;
    fixture.ask(1);
    fixture.ask(2, 40ms);
    fixture.ask(3);
    co_await test::sleep_for(60ms);
    fixture.release = true;
    EXPECT_TRUE(co_await eventually([&] { return fixture.responses() == 2; }));
    EXPECT_EQ(fixture.begun, (std::vector<int>{1, 3}));
    EXPECT_EQ(fixture.counters.requests_refused, 1U);
    co_await fixture.stop();
  });
}

TEST(RequestServer, WhatWasNotRunBecauseItExpiredIsNotRunWhenItIsRepeated) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SmallFixture fixture(strand, 1, 2);
    fixture.is_connected = false;
    fixture.ask(1);
    fixture.ask(2, 40ms);
    co_await test::sleep_for(60ms);
    fixture.release = true;
    EXPECT_TRUE(co_await eventually([&] { return fixture.counters.requests_refused == 1U; }));
    fixture.server->on_request(Fixture::request("3", "slow", 3, 5s), Clock::now() - 6s);
    EXPECT_EQ(fixture.counters.requests_refused, 2U);
    for (const int number : {2, 3}) {
      wire::Request repetition = Fixture::request(std::to_string(number), "slow", number);
      repetition.repeat = true;
      fixture.server->on_request(std::move(repetition));
    }
    fixture.ask(4);
    EXPECT_TRUE(co_await eventually([&] { return fixture.answer_to(4) != nullptr; }));
    EXPECT_EQ(fixture.begun, (std::vector<int>{1, 4}));
    EXPECT_EQ(fixture.counters.requests_repeated, 2U);
    EXPECT_EQ(fixture.responses(), 2U);
    co_await fixture.stop();
  });
}

TEST(RequestServer, BroadcastsThatPileUpLeaveRoomForRequests) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SmallFixture fixture(strand, 4, 0);
    int handled = 0;
    fixture.handle_broadcast<int>("news", [&](int) -> asio::awaitable<void> {
      EXPECT_TRUE(co_await eventually([&] { return fixture.release; }));
      ++handled;
    });
    for (int i = 0; i < 10; ++i)
      fixture.server->on_broadcast(wire::Broadcast{9, "news", std::to_string(i)});
    fixture.ask(1);
    EXPECT_TRUE(co_await eventually([&] { return fixture.begun.size() == 1; }));
    fixture.release = true;
    EXPECT_TRUE(co_await eventually([&] { return handled == 3 && fixture.responses() == 1; }));
    EXPECT_EQ(fixture.counters.requests_refused, 7U);
    co_await fixture.stop();
  });
}

TEST(RequestServer, ARequestThatExpiredBeforeItWasLookedAtIsNotRun) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SmallFixture fixture(strand, 2, 2);
    fixture.server->on_request(Fixture::request("1", "slow", 1, 5s), Clock::now() - 6s);
    fixture.server->on_request(Fixture::request("2", "slow", 2, 5s), Clock::now() - 1s);
    fixture.release = true;
    EXPECT_TRUE(co_await eventually([&] { return fixture.responses() == 1; }));
    EXPECT_EQ(fixture.begun, (std::vector<int>{2}));
    EXPECT_EQ(fixture.counters.requests_refused, 1U);
    co_await fixture.stop();
  });
}

TEST(RequestServer, WhatWaitsIsToldWhenTheNodeStops) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SmallFixture fixture(strand, 1, 2);
    fixture.ask(1);
    fixture.ask(2);
    EXPECT_TRUE(co_await eventually([&] { return fixture.begun.size() == 1; }));
    co_await fixture.stop();
    CO_ASSERT_TRUE(fixture.answer_to(2) != nullptr);
    EXPECT_EQ(fixture.answer_to(2)->at("error"), "MeshService stopped");
    EXPECT_EQ(fixture.begun, (std::vector<int>{1}));
  });
}

TEST(RequestServer, ADrainLetsWhatRunsAndWaitsEndAndRefusesTheRest) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SmallFixture fixture(strand, 1, 2);
    fixture.ask(1);
    fixture.ask(2);
    EXPECT_TRUE(co_await eventually([&] { return fixture.begun.size() == 1; }));
    fixture.server->refuse_new();
    fixture.ask(3);
    CO_ASSERT_TRUE(fixture.answer_to(3) != nullptr);
    EXPECT_EQ(fixture.answer_to(3)->at("error"), "the node is stopping");
    EXPECT_FALSE(fixture.server->is_drained());
    fixture.release = true;
    EXPECT_TRUE(co_await eventually([&] { return fixture.server->is_drained(); }));
    EXPECT_EQ(fixture.begun, (std::vector<int>{1, 2}));
    co_await fixture.stop();
  });
}

wire::Request repeated(wire::Request request, InstanceId sender) {
  request.repeat = true;
  request.sender = sender;
  return request;
}

TEST(RequestServer, ARepeatedRequestIsAnsweredAgainWithoutRunningAgain) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    int runs = 0;
    fixture.handle<void, int>("count", [&] { return ++runs; });
    fixture.server->on_request(Fixture::request("r", "count"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 1; }));
    fixture.server->on_request(repeated(Fixture::request("r", "count"), 9));
    CO_ASSERT_TRUE(fixture.sent.size() == 2);
    EXPECT_EQ(fixture.sent.at(1).target, 9);
    EXPECT_EQ(fixture.sent.at(1).message, fixture.sent.at(0).message);
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(fixture.counters.requests_repeated, 1U);
    co_await fixture.stop();
  });
}

TEST(RequestServer, ARepetitionWhileTheHandlerRunsShowsThatItRunsAndMovesTheAnswer) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    SmallFixture fixture(strand, 1, 1);
    fixture.ask(1);
    fixture.ask(2);
    EXPECT_TRUE(co_await eventually([&] { return fixture.begun.size() == 1; }));
    fixture.server->on_request(repeated(Fixture::request("1", "slow", 1, 60s), 9));
    fixture.server->on_request(repeated(Fixture::request("2", "slow", 2, 60s), 8));
    CO_ASSERT_TRUE(fixture.sent.size() == 2);
    for (const Sent& one : fixture.sent) EXPECT_EQ(one.message.at("heartbeat"), true);
    EXPECT_EQ(fixture.sent.at(0).target, 9);
    EXPECT_EQ(fixture.sent.at(1).target, 8);
    fixture.release = true;
    EXPECT_TRUE(co_await eventually([&] { return fixture.responses() == 2; }));
    EXPECT_EQ(fixture.sent.at(2).target, 9);
    EXPECT_EQ(fixture.sent.at(3).target, 8);
    EXPECT_EQ(fixture.begun, (std::vector<int>{1, 2}));
    co_await fixture.stop();
  });
}

TEST(RequestServer, ARepetitionRunsIfTheRequestCertainlyNeverCame) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    fixture.handle<void, int>("one", [] { return 1; });
    fixture.server->on_request(repeated(Fixture::request("r", "one"), 3));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 1; }));
    EXPECT_EQ(fixture.sent.at(0).message.at("data"), 1);
    co_await fixture.stop();
  });
}

TEST(RequestServer, ARepetitionIsRefusedIfTheRequestMayHaveRunAndBeenForgotten) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    MeshLimits limits;
    limits.remembered_requests = 1;
    Fixture fixture(strand, limits);
    int runs = 0;
    fixture.handle<void, int>("count", [&] { return ++runs; });
    for (const char* id : {"1", "2"}) fixture.server->on_request(Fixture::request(id, "count"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 2; }));
    fixture.server->on_request(repeated(Fixture::request("1", "count"), 3));
    CO_ASSERT_TRUE(fixture.sent.size() == 3);
    const auto error = fixture.sent.at(2).message.at("error").get<std::string>();
    EXPECT_NE(error.find("remembered_requests"), std::string::npos) << error;
    EXPECT_EQ(runs, 2);
    co_await fixture.stop();
  });
}

TEST(RequestServer, ARepetitionIsRefusedIfItsAnswerIsNoLongerKept) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    MeshLimits limits;
    limits.remembered_bytes = 1;
    Fixture fixture(strand, limits);
    int runs = 0;
    fixture.handle<void, int>("count", [&] { return ++runs; });
    fixture.server->on_request(Fixture::request("1", "count"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 1; }));
    fixture.server->on_request(repeated(Fixture::request("1", "count"), 3));
    CO_ASSERT_TRUE(fixture.sent.size() == 2);
    const auto error = fixture.sent.at(1).message.at("error").get<std::string>();
    EXPECT_NE(error.find("remembered_bytes"), std::string::npos) << error;
    EXPECT_EQ(runs, 1);
    co_await fixture.stop();
  });
}

TEST(RequestServer, AResponseLargerThanTheLimitIsAnError) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    MeshLimits limits;
    limits.message_size = 1000;
    Fixture fixture(strand, limits);
    fixture.handle<void, std::string>("large", [] { return std::string(1000, 'x'); });
    fixture.server->on_request(Fixture::request("r", "large"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 1; }));
    const auto error = fixture.sent.at(0).message.at("error").get<std::string>();
    EXPECT_NE(error.find("message_size"), std::string::npos) << error;
    co_await fixture.stop();
  });
}

TEST(RequestServer, AResultThatIsNotUtf8IsAnError) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    fixture.handle<void, std::string>("binary", [] { return std::string("\xff"); });
    fixture.handle<void, void>("binary error", [] { throw std::runtime_error("caf\xe9"); });
    fixture.server->on_request(Fixture::request("1", "binary"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 1; }));
    fixture.server->on_request(Fixture::request("2", "binary error"));
    EXPECT_TRUE(co_await eventually([&] { return fixture.sent.size() == 2; }));
    EXPECT_TRUE(fixture.sent.at(0).message.contains("error"));
    EXPECT_EQ(fixture.sent.at(1).message.at("error"), "caf\xef\xbf\xbd");
    co_await fixture.stop();
  });
}

TEST(RequestServer, StoppingCancelsHandlersAndTellsTheirCallers) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    fixture.handle<void, void>("endless",
                               []() -> asio::awaitable<void> { co_await test::sleep_for(10min); });
    fixture.server->on_request(Fixture::request("r", "endless"));
    co_await test::sleep_for(5ms);
    co_await fixture.stop();
    EXPECT_EQ(fixture.responses(), 1U);
    EXPECT_EQ(fixture.sent.back().message.at("error"), "MeshService stopped");
    fixture.server->on_request(Fixture::request("late", "endless"));
    EXPECT_EQ(fixture.responses(), 1U);
  });
}

TEST(RequestServer, JoinGivesUpOnAHandlerThatDoesNotReact) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    bool release = false;
    fixture.handle<void, void>("stubborn", [&]() -> asio::awaitable<void> {
      while (!release) {
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        co_await test::sleep_for(1ms);
      }
    });
    fixture.server->on_request(Fixture::request("r", "stubborn"));
    co_await test::sleep_for(5ms);
    fixture.server->cancel_all();
    EXPECT_FALSE(co_await fixture.server->join_until(Clock::now() + 10ms));
    release = true;
    co_await test::sleep_for(20ms);
    EXPECT_EQ(fixture.responses(), 0U) << "a response after the end";
  });
}

TEST(RequestServer, APlainHandlerThatHasNotBegunWhenTheNodeStopsDoesNotRun) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    int runs = 0;
    fixture.handle<void, void>("plain", [&] { ++runs; });
    fixture.server->on_request(Fixture::request("r", "plain"));
    co_await fixture.stop();
    EXPECT_EQ(runs, 0);
    CO_ASSERT_TRUE(fixture.responses() == 1U);
    EXPECT_EQ(fixture.sent.back().message.at("error"), "MeshService stopped");
  });
}

TEST(RequestServer, ACoroutineThatHasNotBegunWhenTheNodeStopsDoesNotBegin) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    fixture.handle<int, int>("work", [](int value) -> asio::awaitable<int> {
      ADD_FAILURE() << "the request was handled";
      co_return value;
    });
    fixture.handle_broadcast<int>("news", [](int) -> asio::awaitable<void> {
      ADD_FAILURE() << "the broadcast was handled";
      co_return;
    });
    fixture.server->on_request(Fixture::request("r", "work", 4));
    fixture.server->on_broadcast(wire::Broadcast{7, "news", "5"});
    co_await fixture.stop();
    EXPECT_EQ(fixture.sent.size(), 1U);
    EXPECT_EQ(fixture.sent.at(0).message["error"], MeshStoppedError().what());
    EXPECT_EQ(fixture.log.text(), "");
  });
}

TEST(RequestServer, JoinWaitsForAPlainHandler) {
  asio::thread_pool pool(1);
  run_on_strand([&](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand, {}, pool.get_executor());
    std::promise<void> release;
    std::atomic<bool> runs = false;
    fixture.handle<void, void>("blocking", [&] {
      runs = true;
      release.get_future().wait();
    });
    fixture.server->on_request(Fixture::request("r", "blocking"));
    EXPECT_TRUE(co_await eventually([&] { return runs.load(); }));
    fixture.server->cancel_all();
    const auto begin = Clock::now();
    std::thread releaser([&] {
      std::this_thread::sleep_for(50ms);
      release.set_value();
    });
    EXPECT_TRUE(co_await fixture.server->join_until(soon()));
    EXPECT_GE(Clock::now() - begin, 40ms);
    EXPECT_EQ(fixture.responses(), 1U);
    releaser.join();
    pool.join();  // it must be done with the strand before that has gone
  });
}

TEST(RequestServer, JoinGivesUpOnAPlainHandlerAndItsLifeIsOverThen) {
  asio::thread_pool pool(1);
  run_on_strand([&](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand, {}, pool.get_executor());
    std::promise<void> release;
    std::atomic<int> runs = 0;
    fixture.handle<void, void>("blocking", [&, released = release.get_future().share()] {
      ++runs;
      released.wait();
    });
    fixture.server->on_request(Fixture::request("running", "blocking"));
    fixture.server->on_request(Fixture::request("behind it", "blocking"));
    EXPECT_TRUE(co_await eventually([&] { return runs == 1; }));
    fixture.server->cancel_all();
    EXPECT_FALSE(co_await fixture.server->join_until(Clock::now() + 10ms));
    // What belongs to the old life does not run in the new one.
    fixture.server->start([](InstanceId, const Answer&) { ADD_FAILURE() << "an answer"; });
    release.set_value();
    fixture.server->cancel_all();
    EXPECT_TRUE(co_await fixture.server->join_until(soon()));
    EXPECT_EQ(runs, 1);
    pool.join();  // it must be done with the strand before that has gone
  });
}

TEST(RequestServer, APlainHandlerThatOutlivesTheServerIsHarmless) {
  asio::thread_pool pool(1);
  run_on_strand([&](Strand strand) -> asio::awaitable<void> {
    auto fixture = std::make_unique<Fixture>(strand, MeshLimits{}, pool.get_executor());
    std::promise<void> release;
    std::atomic<bool> runs = false;
    auto held = std::make_shared<int>(0);
    const std::weak_ptr<int> is_held = held;
    auto block = [&, released = release.get_future().share(), held = std::move(held)] {
      runs = true;
      released.wait();
    };
    fixture->handle<void, void>("blocking", std::move(block));
    fixture->server->on_request(Fixture::request("r", "blocking"));
    EXPECT_TRUE(co_await eventually([&] { return runs.load(); }));
    fixture->server->abandon();
    const std::weak_ptr<RequestServer> server = fixture->server;
    fixture.reset();
    EXPECT_TRUE(server.expired());
    EXPECT_FALSE(is_held.expired());
    release.set_value();
    EXPECT_TRUE(co_await eventually([&] { return is_held.expired(); }));
  });
  pool.join();
}

TEST(RequestServer, CanBeStartedAgain) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    fixture.handle<void, int>("quick", [] { return 1; });
    co_await fixture.stop();
    int sent = 0;
    fixture.server->start([&](InstanceId, const Answer&) { ++sent; });
    fixture.server->on_request(Fixture::request("r", "quick"));
    EXPECT_TRUE(co_await eventually([&] { return sent == 1; }));
    co_await fixture.stop();
  });
}

TEST(RequestServer, DeliversBroadcastsAndLogsTheirFailures) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Fixture fixture(strand);
    std::vector<std::pair<int, InstanceId>> received;
    fixture.handle_broadcast<int>(
        "number", [&](int value, InstanceId sender) { received.emplace_back(value, sender); });
    fixture.handle_broadcast<void>("bad", [] { throw std::runtime_error("no good"); });
    fixture.server->on_broadcast(wire::Broadcast{9, "number", "5"});
    fixture.server->on_broadcast(wire::Broadcast{9, "unknown", "5"});
    fixture.server->on_broadcast(wire::Broadcast{9, "bad", "5"});
    EXPECT_TRUE(co_await eventually([&] { return fixture.log.contains("no good"); }));
    EXPECT_TRUE(co_await eventually([&] { return received.size() == 1; }));
    EXPECT_EQ(received.at(0), std::make_pair(5, InstanceId{9}));
    EXPECT_EQ(fixture.counters.broadcasts_received, 3U);
    EXPECT_TRUE(fixture.sent.empty());
    co_await fixture.stop();
  });
}

}  // namespace
}  // namespace mesh::core
