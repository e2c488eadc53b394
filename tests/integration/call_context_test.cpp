#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/system/system_error.hpp>
#include <integration/support/few_nodes_test.hpp>
#include <integration/support/out_of_time.hpp>
#include <integration/support/outcome.hpp>
#include <integration/support/raw_peer.hpp>

namespace mesh::test {
namespace {

using asio::experimental::awaitable_operators::operator||;

class CallContexts : public FewNodesTest {
 protected:
  static constexpr InstanceId peer_id = 777;
};

TEST_F(CallContexts, TellWhoCallsWhatAndForHowLong) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    std::optional<CallContext> seen;
    target_->register_handler<"echo">([&](CallContext& call, Text text) {
      seen = call;
      return text;
    });
    const Text request = text_of("a");
    const InvokeOptions options{.timeout = 7s};
    co_await caller_->invoke<"echo">(2, request, options);
    CO_ASSERT_TRUE(seen);
    EXPECT_EQ(seen->sender(), 1);
    EXPECT_EQ(seen->type(), "echo");
    EXPECT_EQ(seen->request_id().size(), 36U);
    EXPECT_EQ(seen->timeout(), 7s);
    EXPECT_EQ(seen->deadline(), std::nullopt);
    EXPECT_TRUE(seen->headers().empty());
    EXPECT_FALSE(seen->is_cancelled());
    co_await stop();
    EXPECT_EQ(seen->type(), "echo");  // also afterwards
  });
}

TEST_F(CallContexts, OfACallToTheOwnNodeNameThatNode) {
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_node();
    caller_->register_handler<"ask">([](CallContext& call) -> asio::awaitable<Text> {
      EXPECT_EQ(call.sender(), 1);
      EXPECT_EQ(call.type(), "ask");
      EXPECT_EQ(call.request_id(), "");
      EXPECT_EQ(call.timeout(), 0ms);
      EXPECT_TRUE(call.deadline());
      co_return text_of(call.headers().at("tenant"));
    });
    const Headers headers{{"tenant", "7"}};
    const InvokeOptions options{.deadline = 1h, .headers = &headers};
    const Text reply = co_await caller_->invoke<"ask">(1, options);
    EXPECT_EQ(reply.text, "7");
    co_await stop();
  });
}

TEST_F(CallContexts, HaveTheHeadersThatTheCallerSent) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    Headers seen;
    target_->register_handler<"ask">([&](CallContext& call) {
      seen = call.headers();
      return Text{};
    });
    Headers headers{{"tenant", "7"}, {"", ""}};
    const InvokeOptions options{.headers = &headers};
    co_await expect_error<std::invalid_argument>(caller_->invoke<"ask">(2, options));
    headers = {{"tenant", "7"}, {"text", "\"\\\n\xC3\xA4"}, {"empty", ""}};
    co_await caller_->invoke<"ask">(2, options);
    EXPECT_EQ(seen, headers);
    co_await stop();
  });
}

TEST_F(CallContexts, HaveTheHeadersOfARequestThatIsSentAgain) {
  RawPeer peer(redis().options(), "test:mesh:" + key(), peer_id);
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_node();
    // The owner's uuid is the sign of a node that copes with repetitions.
    probe().command({"SET", name("owner:" + std::to_string(peer_id)), "some-uuid"});
    const Headers headers{{"tenant", "7"}};
    const InvokeOptions options{.timeout = 4s, .deadline = 1h, .headers = &headers};
    Outcome<Text> outcome;
    caller_->invoke<"ask">(peer_id, options, outcome.token());
    const Json first = co_await peer.message(0);
    const Json again = co_await peer.message(1);
    CO_ASSERT_TRUE(first.is_object() && again.is_object());
    EXPECT_TRUE(again.contains("repeat")) << again;
    EXPECT_EQ(first.at("headers"), (Json{{"tenant", "7"}}));
    EXPECT_EQ(again.at("headers"), first.at("headers"));
    EXPECT_LE(again.at("deadlineMs"), first.at("deadlineMs"));
    co_await expect_error<MeshRequestTimeoutError>(outcome.get());
    co_await stop();
  });
}

TEST_F(CallContexts, HeadersBeyondTheLimitsAreRefusedAtTheSender) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    target_->register_handler<"ask">(
        [](CallContext& call) { return text_of(std::to_string(call.headers().size())); });
    Headers headers;
    const InvokeOptions options{.headers = &headers};
    for (int i = 0; i < 64; ++i) headers["h" + std::to_string(i)] = std::string(4096, 'x');
    const Text reply = co_await caller_->invoke<"ask">(2, options);
    EXPECT_EQ(reply.text, "64");
    headers["one more"] = "";
    co_await expect_error<MeshLimitError>(caller_->invoke<"ask">(2, options));
    headers = {{"large", std::string(4097, 'x')}};
    co_await expect_error<MeshLimitError>(caller_->invoke<"ask">(2, options));
    headers = {{std::string(4097, 'x'), ""}};
    co_await expect_error<MeshLimitError>(caller_->invoke<"ask">(2, options));
    headers = {{"line\nbreak", ""}};
    co_await expect_error<std::invalid_argument>(caller_->invoke<"ask">(2, options));
    co_await stop();
  });
}

TEST_F(CallContexts, WhatIsWrongWithNewFieldsIsIgnored) {
  RawPeer peer(redis().options(), "test:mesh:" + key(), peer_id);
  run_coroutine([&]() -> asio::awaitable<void> {
    target_ = co_await start_node();
    std::vector<std::pair<std::size_t, bool>> seen;
    target_->register_handler<"ask">([&](CallContext& call) {
      seen.emplace_back(call.headers().size(), call.deadline().has_value());
      return Text{};
    });
    Json many = Json::object();
    for (int i = 0; i < 100; ++i) many["h" + std::to_string(i)] = "x";
    const std::vector<std::pair<Json, std::size_t>> cases{
        {nullptr, 0U},
        {5, 0U},
        {"text", 0U},
        {Json::array({"a"}), 0U},
        {{{"good", "x"}, {"bad", 7}, {"worse", Json::object()}, {"large", std::string(5000, 'x')}},
         1U},
        {many, 64U}};
    for (const auto& [headers, expected] : cases) {
      Json request = peer.request("r" + std::to_string(seen.size()), "ask", nullptr, 30000);
      request["headers"] = headers;
      request["deadlineMs"] = headers;
      request["accepts"] = headers;
      const std::size_t before = peer.received().size();
      peer.send(1, request);
      const Json response = co_await peer.message(before);
      CO_ASSERT_TRUE(response.is_object());
      EXPECT_TRUE(response.contains("data")) << response;
      CO_ASSERT_TRUE(!seen.empty());
      EXPECT_EQ(seen.back().first, expected) << headers;
      EXPECT_EQ(seen.back().second, headers.is_number_integer()) << headers;
    }
    co_await stop();
  });
}

TEST_F(CallContexts, ADeadlineBoundsACallInTotalAndCancelsItsHandler) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    bool was_cancelled = false;
    std::optional<CallContext> seen;
    target_->register_handler<"nothing">([&](CallContext& call) -> asio::awaitable<void> {
      seen = call;
      try {
        co_await sleep_for(10min);
      } catch (const boost::system::system_error&) {
        was_cancelled = call.is_cancelled();
        throw;
      }
    });
    co_await caller_->invoke<"nothing">(2, {.timeout = 1ms}, asio::as_tuple(asio::use_awaitable));
    // A heartbeat comes after 3.75 s, so that the timeout would last longer.
    const InvokeOptions options{.timeout = 5s, .deadline = 6s};
    const auto error =
        co_await expect_error<MeshDeadlineError>(caller_->invoke<"nothing">(2, options));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->executed(), Executed::maybe);
    EXPECT_LE(caller_->stats().calls_resent, 3U);
    EXPECT_TRUE(co_await eventually([&] { return was_cancelled; }));
    co_await stop();
  });
}

TEST_F(CallContexts, ADeadlineInThePastSendsNothing) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    target_->register_handler<"nothing">([] {});
    bool has_run = false;
    caller_->register_handler<"ask">([&](CallContext& call) -> asio::awaitable<Text> {
      co_await eventually([&] { return call.is_cancelled(); });
      const InvokeOptions options{.parent = &call};
      const auto error =
          co_await expect_error<MeshDeadlineError>(caller_->invoke<"nothing">(2, options));
      EXPECT_TRUE(error && error->executed() == Executed::no);
      has_run = true;
      co_return Text{};
    });
    const InvokeOptions options{.deadline = 1ms};
    co_await caller_->invoke<"ask">(1, options);
    EXPECT_TRUE(has_run);
    EXPECT_EQ(target_->stats().requests_received, 0U);
    co_await stop();
  });
}

TEST_F(CallContexts, DeadlinesAndTracesPassThroughAChainOfNodes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_node();
    middle_ = co_await start_node();
    target_ = co_await start_node();
    std::optional<CallContext> seen;
    middle_->register_handler<"ask">([&](CallContext& call) -> asio::awaitable<Text> {
      const Headers headers{{"own", "1"}, {"tracestate", "mine"}};
      const InvokeOptions options{.headers = &headers, .parent = &call};
      co_return co_await middle_->invoke<"ask">(3, options);
    });
    target_->register_handler<"ask">([&](CallContext& call) {
      seen = call;
      return Text{};
    });
    const Headers headers{{"traceparent", "00-1"}, {"tracestate", "theirs"}, {"tenant", "7"}};
    const InvokeOptions options{.deadline = 1h, .headers = &headers};
    const auto begin = SteadyClock::now();
    co_await caller_->invoke<"ask">(2, options);
    CO_ASSERT_TRUE(seen);
    EXPECT_EQ(seen->sender(), 2);
    EXPECT_EQ(seen->headers(),
              (Headers{{"traceparent", "00-1"}, {"tracestate", "mine"}, {"own", "1"}}));
    CO_ASSERT_TRUE(seen->deadline());
    EXPECT_GT(*seen->deadline(), begin + 50min);
    EXPECT_LE(*seen->deadline(), SteadyClock::now() + 1h);
    co_await stop();
  });
}

TEST_F(CallContexts, TheStateOfATraceDoesNotGoAlongWithAnother) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    Headers seen;
    caller_->register_handler<"nothing">([&](CallContext& call) { seen = call.headers(); });
    target_->register_handler<"nothing">([&](CallContext& call) -> asio::awaitable<void> {
      EXPECT_EQ(call.trace(), (Headers{{"traceparent", "00-1"}, {"tracestate", "theirs"}}));
      const Headers other{{"traceparent", "00-2"}};
      const InvokeOptions options{.headers = &other, .parent = &call};
      co_await target_->invoke<"nothing">(1, options);
    });
    const Headers headers{
        {"traceparent", "00-1"}, {"tracestate", "theirs"}, {"baggage", "b=1"}, {"tenant", "7"}};
    const InvokeOptions options{.headers = &headers};
    co_await caller_->invoke<"nothing">(2, options);
    EXPECT_EQ(seen, (Headers{{"traceparent", "00-2"}, {"baggage", "b=1"}}));
    co_await stop();
  });
}

TEST_F(CallContexts, CancellingACallCancelsItsHandlerAndThoseThatItCalls) {
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_node();
    middle_ = co_await start_node();
    target_ = co_await start_node();
    int running = 0;
    int cancelled = 0;
    auto wait = [&](CallContext& call) -> asio::awaitable<Text> {
      ++running;
      try {
        co_await sleep_for(10min);
      } catch (const boost::system::system_error&) {
        if (call.is_cancelled()) ++cancelled;
      }
      co_return Text{};
    };
    middle_->register_handler<"ask">([&](CallContext& call) -> asio::awaitable<Text> {
      const InvokeOptions options{.parent = &call};
      co_return co_await middle_->invoke<"ask">(3, options);
    });
    target_->register_handler<"ask">(wait);
    const auto answered = middle_->stats().calls_succeeded;
    auto call = caller_->invoke<"ask">(2);
    auto until_it_runs = [&]() -> asio::awaitable<void> {
      EXPECT_TRUE(co_await eventually([&] { return running == 1; }));
    };
    auto pause = until_it_runs();
    const auto result = co_await (std::move(call) || std::move(pause));
    EXPECT_EQ(result.index(), 1U);
    EXPECT_TRUE(co_await eventually([&] { return cancelled == 1; }));
    EXPECT_EQ(middle_->stats().calls_succeeded, answered);
    co_await stop();
  });
}

TEST_F(CallContexts, ARaceBetweenTwoCallsCancelsTheHandlerOfTheLoser) {
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_node();
    middle_ = co_await start_node();
    target_ = co_await start_node();
    std::atomic<bool> is_slow_running = false;
    std::atomic<bool> is_cancelled = false;
    middle_->register_handler<"ask">([&]() -> asio::awaitable<Text> {
      EXPECT_TRUE(co_await eventually([&] { return is_slow_running.load(); }));
      co_return text_of("quick");
    });
    target_->register_handler<"ask">([&]() -> asio::awaitable<Text> {
      is_slow_running = true;
      try {
        co_await sleep_for(10min);
      } catch (const boost::system::system_error& error) {
        is_cancelled = error.code() == asio::error::operation_aborted;
        throw;
      }
      co_return text_of("slow");
    });
    auto quick = caller_->invoke<"ask">(2);
    auto slow = caller_->invoke<"ask">(3);
    const auto result = co_await (std::move(quick) || std::move(slow));
    EXPECT_EQ(result.index(), 0U);
    EXPECT_TRUE(co_await eventually([&] { return is_cancelled.load(); }));
    EXPECT_EQ(target_->stats().answers_lost, 0U);
    co_await stop();
  });
}

TEST_F(CallContexts, OfALocalCallHearOfItsCallersAndItsParentsCancellation) {
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_node();
    int running = 0;
    std::optional<CallContext> outer;
    std::optional<CallContext> inner;
    caller_->register_handler<"ask">([&](CallContext& call) -> asio::awaitable<Text> {
      outer = call;
      const InvokeOptions options{.parent = &call};
      co_await caller_->invoke<"nothing">(1, options);
      co_return Text{};
    });
    caller_->register_handler<"nothing">([&](CallContext& call) -> asio::awaitable<void> {
      inner = call;
      ++running;
      co_await sleep_for(10min);
    });
    auto call = caller_->invoke<"ask">(1);
    auto until_it_runs = [&]() -> asio::awaitable<void> {
      EXPECT_TRUE(co_await eventually([&] { return running == 1; }));
      EXPECT_FALSE(outer->is_cancelled());
    };
    auto pause = until_it_runs();
    const auto result = co_await (std::move(call) || std::move(pause));
    EXPECT_EQ(result.index(), 1U);
    CO_ASSERT_TRUE(outer && inner);
    EXPECT_TRUE(outer->is_cancelled());
    EXPECT_TRUE(inner->is_cancelled());
    co_await stop();
  });
}

TEST_F(CallContexts, ACancelOfTheVeryFirstCallToANodeReachesIt) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    bool has_begun = false;
    bool has_ended = false;
    target_->register_handler<"ask">([&]() -> asio::awaitable<Text> {
      has_begun = true;
      try {
        co_await sleep_for(10min);
      } catch (const boost::system::system_error&) {
        has_ended = true;
      }
      co_return Text{};
    });
    asio::cancellation_signal signal;
    Outcome<Text> outcome;
    caller_->invoke<"ask">(2, {}, asio::bind_cancellation_slot(signal.slot(), outcome.token()));
    signal.emit(asio::cancellation_type::terminal);
    co_await expect_error<boost::system::system_error>(outcome.get());
    // It never began, or it was cancelled: nothing goes on.
    co_await caller_->invoke_raw(2, "missing", "1", {}, asio::as_tuple(asio::use_awaitable));
    EXPECT_TRUE(co_await eventually([&] { return has_begun == has_ended; }));
    co_await stop();
  });
}

TEST_F(CallContexts, APlainHandlerCanLookWhetherItIsCancelled) {
  asio::thread_pool pool(2);
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_node();
    Service worker(pool.get_executor(), key(), options());
    std::atomic<int> running = 0;
    std::atomic<int> seen = 0;
    worker.register_handler<"nothing">([&](CallContext& call) {
      ++running;
      while (!call.is_cancelled()) std::this_thread::yield();
      ++seen;
    });
    co_await worker.start();
    int calls = 0;
    for (Service* const from : {caller_.get(), &worker}) {
      ++calls;
      auto call = from->invoke<"nothing">(worker.instance_id());
      auto until_it_runs = [&]() -> asio::awaitable<void> {
        EXPECT_TRUE(co_await eventually([&] { return running == calls; }));
      };
      auto pause = until_it_runs();
      const auto result = co_await (std::move(call) || std::move(pause));
      EXPECT_EQ(result.index(), 1U);
      EXPECT_TRUE(co_await eventually([&] { return seen == calls; }));
    }
    co_await worker.stop();
    co_await stop();
  });
  pool.join();
}

TEST_F(CallContexts, ALocalCallThatIsCancelledBeforeItsTurnDoesNotRun) {
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_node();
    int runs = 0;
    caller_->register_handler<"ask">([&] {
      ++runs;
      return Text{};
    });
    caller_->register_handler<"echo">([&](Text text) -> asio::awaitable<Text> {
      ++runs;
      co_return text;
    });
    asio::cancellation_signal to_plain;
    asio::cancellation_signal to_coroutine;
    Outcome<Text> plain;
    Outcome<Text> coroutine;
    caller_->invoke<"ask">(1, {}, asio::bind_cancellation_slot(to_plain.slot(), plain.token()));
    const Text text;
    caller_->invoke<"echo">(1, text, {},
                            asio::bind_cancellation_slot(to_coroutine.slot(), coroutine.token()));
    to_plain.emit(asio::cancellation_type::terminal);
    to_coroutine.emit(asio::cancellation_type::terminal);
    co_await expect_error<boost::system::system_error>(plain.get());
    co_await expect_error<boost::system::system_error>(coroutine.get());
    EXPECT_EQ(runs, 0);
    co_await stop();
  });
}

TEST_F(CallContexts, ACancelThatComesBeforeItsRequestKeepsThatFromRunning) {
  RawPeer peer(redis().options(), "test:mesh:" + key(), peer_id);
  run_coroutine([&]() -> asio::awaitable<void> {
    target_ = co_await start_node();
    int runs = 0;
    target_->register_handler<"nothing">([&] { ++runs; });
    peer.send(1, Json{{"requestId", "a"}, {"cancel", true}});
    Json request = peer.request("a", "nothing", nullptr, 30000);
    peer.send(1, request);
    request["repeat"] = true;
    peer.send(1, request);
    peer.send(1, peer.request("b", "nothing", nullptr, 30000));
    const Json response = co_await peer.message(0);
    CO_ASSERT_TRUE(response.is_object());
    EXPECT_EQ(response.at("requestId"), "b");
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(target_->stats().requests_repeated, 1U);
    EXPECT_EQ(peer.received().size(), 1U);
    co_await stop();
  });
}

TEST_F(CallContexts, AQueuedRequestThatIsCancelledDoesNotRun) {
  RawPeer peer(redis().options(), "test:mesh:" + key(), peer_id);
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions one = options();
    one.limits.concurrent_handlers = 1;
    target_ = co_await start_node(std::move(one));
    std::vector<std::string> begun;
    bool may_end = false;
    target_->register_handler<"nothing">([&](CallContext& call) -> asio::awaitable<void> {
      begun.emplace_back(call.request_id());
      EXPECT_TRUE(co_await eventually([&] { return may_end; }));
    });
    for (const char* id : {"a", "b", "c"})
      peer.send(1, peer.request(id, "nothing", nullptr, 30000));
    EXPECT_TRUE(co_await eventually([&] { return target_->stats().requests_received == 3; }));
    peer.send(1, Json{{"requestId", "b"}, {"cancel", true}});
    peer.send(1, Json{{"requestId", "?"}, {"heartbeat", true}});
    EXPECT_TRUE(co_await eventually([&] { return target_->stats().messages_dropped == 1; }));
    may_end = true;
    EXPECT_TRUE(co_await eventually([&] { return peer.received().size() == 2; }));
    EXPECT_EQ(begun, (std::vector<std::string>{"a", "c"}));
    co_await stop();
  });
}

TEST_F(CallContexts, NodesThatDoNotAnnounceItAreSentNoCancel) {
  RawPeer peer(redis().options(), "test:mesh:" + key(), peer_id);
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_node();
    const auto call_for = [&](std::chrono::milliseconds time) {
      return caller_->invoke<"nothing">(peer_id, InvokeOptions{.deadline = time});
    };
    co_await out_of_time<MeshDeadlineError>(call_for);
    peer.send(peer_id, Json{{"requestId", "end"}});
    CO_ASSERT_TRUE(co_await eventually([&] { return peer.received().size() == 2; }));
    EXPECT_FALSE(peer.received().at(0).contains("cancel"));
    EXPECT_EQ(peer.received().at(1).at("requestId"), "end");
    co_await stop();
  });
}

}  // namespace
}  // namespace mesh::test
