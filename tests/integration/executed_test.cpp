#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <integration/support/few_nodes_test.hpp>
#include <integration/support/out_of_time.hpp>
#include <integration/support/outcome.hpp>
#include <integration/support/raw_peer.hpp>

namespace mesh::test {
namespace {

/// What a caller learns of whether its handler ran.
class ExecutedErrors : public FewNodesTest {
 protected:
  static constexpr InstanceId peer_id = 777;
};

TEST_F(ExecutedErrors, AHandlersErrorBringsItsCodeAndDetails) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    target_->register_handler<"nothing">(
        [] { throw MeshHandlerError("nothing is left", "out_of_stock", R"({"left":0})"); });
    target_->register_handler<"ask">([]() -> asio::awaitable<Text> {
      throw std::runtime_error("boom");
      co_return Text{};
    });
    const auto coded = co_await expect_error<MeshHandlerError>(caller_->invoke<"nothing">(2));
    CO_ASSERT_TRUE(coded);
    EXPECT_STREQ(coded->what(), "nothing is left");
    EXPECT_EQ(coded->code(), "out_of_stock");
    EXPECT_EQ(coded->details(), R"({"left":0})");
    EXPECT_EQ(coded->executed(), Executed::yes);
    const auto plain = co_await expect_error<MeshHandlerError>(caller_->invoke<"ask">(2));
    CO_ASSERT_TRUE(plain);
    EXPECT_STREQ(plain->what(), "boom");
    EXPECT_EQ(plain->code(), "");
    EXPECT_EQ(plain->details(), "");
    EXPECT_EQ(plain->executed(), Executed::yes);
    co_await stop();
  });
}

TEST_F(ExecutedErrors, ARequestThatDoesNotFitHasNotRun) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    target_->register_handler<"echo">([](const Text& text) { return text; });
    const auto error =
        co_await expect_error<MeshHandlerError>(caller_->invoke_raw(2, "echo", R"({"text":5})"));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), "decode");
    EXPECT_EQ(error->executed(), Executed::no);
    EXPECT_NE(std::string(error->what()).find("/text"), std::string::npos) << error->what();
    co_await stop();
  });
}

TEST_F(ExecutedErrors, WhatAHandlersOwnCallMetIsNotTakenForItsOwnFate) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    caller_->register_handler<"echo">([](const Text& text) { return text; });
    target_->register_handler<"nothing">(
        [&]() -> asio::awaitable<void> { co_await target_->invoke_raw(1, "echo", "5"); });
    target_->register_handler<"ask">(
        [&]() -> asio::awaitable<Text> { co_return co_await target_->invoke<"ask">(1); });
    const auto decode = co_await expect_error<MeshHandlerError>(caller_->invoke<"nothing">(2));
    EXPECT_TRUE(decode && decode->executed() == Executed::yes && decode->code().empty());
    const auto missing = co_await expect_error<MeshHandlerError>(caller_->invoke<"ask">(2));
    EXPECT_TRUE(missing && missing->executed() == Executed::yes);
    co_await stop();
  });
}

TEST_F(ExecutedErrors, WhatPassesThroughALocalHandlerHasRunForItsCaller) {
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_node();
    caller_->register_handler<"nothing">([&]() -> asio::awaitable<void> {
      const auto inner =
          co_await expect_error<MeshNodeUnreachableError>(caller_->invoke<"ask">(4711));
      EXPECT_TRUE(inner && inner->executed() == Executed::no);
      throw MeshNodeUnreachableError(4711, "ask");
    });
    caller_->register_handler("raw", [](CallContext&, std::string_view) -> std::string {
      throw MeshNoHandlerError("another");
    });
    const auto typed =
        co_await expect_error<MeshNodeUnreachableError>(caller_->invoke<"nothing">(1));
    EXPECT_TRUE(typed && typed->executed() == Executed::yes);
    const auto raw = co_await expect_error<MeshNoHandlerError>(caller_->invoke_raw(1, "raw", "1"));
    EXPECT_TRUE(raw && raw->executed() == Executed::yes);
    caller_->register_handler<"echo">([](const Text& text) { return text; });
    const auto unread = co_await expect_error<MeshDecodeError>(caller_->invoke_raw(1, "echo", "5"));
    EXPECT_TRUE(unread && unread->executed() == Executed::no);
    co_await stop();
  });
}

TEST_F(ExecutedErrors, ATextOfAHandlerIsNotTakenForAMissingOne) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    target_->register_handler<"nothing">([] { throw std::runtime_error("MESH_NO_HANDLER:x"); });
    target_->register_handler<"ask">([]() -> Text { throw MeshHandlerError("MESH_NO_HANDLER:x"); });
    const auto error = co_await expect_error<MeshHandlerError>(caller_->invoke<"nothing">(2));
    EXPECT_TRUE(error && error->executed() == Executed::yes);
    const auto own = co_await expect_error<MeshHandlerError>(caller_->invoke<"ask">(2));
    EXPECT_TRUE(own && own->executed() == Executed::yes);
    co_await stop();
  });
}

TEST_F(ExecutedErrors, AResponseThatIsTooLargeHasRun) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions small = options();
    small.limits.message_size = 1000;
    co_await start_two(std::move(small));
    target_->register_handler<"ask">([] { return text_of(std::string(2000, 'x')); });
    const auto error = co_await expect_error<MeshHandlerError>(caller_->invoke<"ask">(2));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), "limit");
    EXPECT_EQ(error->executed(), Executed::yes);
    co_await stop();
  });
}

TEST_F(ExecutedErrors, ARequestThatIsTooLargeForTheNodeHasNotRun) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions small = options();
    small.limits.message_size = 1000;
    co_await start_two(std::move(small));
    target_->register_handler<"echo">([](const Text& text) { return text; });
    const Text request = text_of(std::string(2000, 'x'));
    const auto error = co_await expect_error<MeshRefusedError>(caller_->invoke<"echo">(2, request));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->reason(), Refusal::limit);
    EXPECT_EQ(error->executed(), Executed::no);
    co_await stop();
  });
}

TEST_F(ExecutedErrors, ABusyNodeHasNotRunIt) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions busy = options();
    busy.limits.concurrent_handlers = 1;
    busy.limits.queued_handlers = 0;
    co_await start_two(std::move(busy));
    bool is_running = false;
    bool may_end = false;
    target_->register_handler<"nothing">([&]() -> asio::awaitable<void> {
      is_running = true;
      EXPECT_TRUE(co_await eventually([&] { return may_end; }));
    });
    Outcome<void> first;
    caller_->invoke<"nothing">(2, {}, first.token());
    EXPECT_TRUE(co_await eventually([&] { return is_running; }));
    const auto error = co_await expect_error<MeshRefusedError>(caller_->invoke<"nothing">(2));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->reason(), Refusal::busy);
    EXPECT_EQ(error->executed(), Executed::no);
    may_end = true;
    co_await first.get();
    co_await stop();
  });
}

TEST_F(ExecutedErrors, AStoppingNodeSaysWhetherItHadBegun) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions one = options();
    one.limits.concurrent_handlers = 1;
    one.drain_timeout = 0ms;
    co_await start_two(std::move(one));
    bool is_running = false;
    target_->register_handler<"nothing">([&]() -> asio::awaitable<void> {
      is_running = true;
      co_await sleep_for(10min);
    });
    Outcome<void> running;
    caller_->invoke<"nothing">(2, {}, running.token());
    EXPECT_TRUE(co_await eventually([&] { return is_running; }));
    Outcome<void> queued;
    caller_->invoke<"nothing">(2, {}, queued.token());
    EXPECT_TRUE(co_await eventually([&] { return target_->stats().requests_received == 2; }));
    co_await target_->stop();
    const auto begun = co_await expect_error<MeshRefusedError>(running.get());
    EXPECT_TRUE(begun && begun->reason() == Refusal::stopping);
    EXPECT_TRUE(begun && begun->executed() == Executed::maybe);
    const auto waited = co_await expect_error<MeshRefusedError>(queued.get());
    EXPECT_TRUE(waited && waited->reason() == Refusal::stopping);
    EXPECT_TRUE(waited && waited->executed() == Executed::no);
    co_await stop();
  });
}

TEST_F(ExecutedErrors, ACallThatReachedNobodyHasNotRunAndOneThatIsSilentMayHave) {
  RawPeer peer(redis().options(), "test:mesh:" + key(), peer_id);
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_node();
    const auto nobody =
        co_await expect_error<MeshNodeUnreachableError>(caller_->invoke<"nothing">(4711));
    EXPECT_TRUE(nobody && nobody->executed() == Executed::no);
    const auto call_for = [&](std::chrono::milliseconds time) {
      return caller_->invoke<"nothing">(peer_id, InvokeOptions{.timeout = time});
    };
    const auto silent = co_await out_of_time<MeshRequestTimeoutError>(call_for);
    EXPECT_TRUE(silent && silent->executed() == Executed::maybe);
    co_await stop();
  });
}

/// A node that knows no codes, as that of the original.
TEST_F(ExecutedErrors, OfOtherNodesMayHaveRun) {
  RawPeer peer(redis().options(), "test:mesh:" + key(), peer_id);
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_node();
    Outcome<void> call;
    caller_->invoke<"nothing">(peer_id, {}, call.token());
    const Json request = co_await peer.message(0);
    CO_ASSERT_TRUE(request.is_object());
    const Json id = request.at("requestId");
    peer.send(1, Json{{"requestId", id}, {"reply", true}, {"error", "boom"}});
    const auto error = co_await expect_error<MeshHandlerError>(call.get());
    EXPECT_TRUE(error && error->executed() == Executed::maybe);
    co_await stop();
  });
}

TEST_F(ExecutedErrors, OtherNodesGetNoFieldsThatTheyDidNotGetBefore) {
  RawPeer peer(redis().options(), "test:mesh:" + key(), peer_id);
  run_coroutine([&]() -> asio::awaitable<void> {
    target_ = co_await start_node();
    target_->register_handler<"nothing">(
        [] { throw MeshHandlerError("nothing is left", "out_of_stock", "1"); });
    peer.send(1, peer.request("a", "nothing", nullptr, 30000));
    const Json expected{{"requestId", "a"}, {"reply", true}, {"error", "nothing is left"}};
    EXPECT_EQ(co_await peer.message(0), expected);
    Json request = peer.request("b", "nothing", nullptr, 30000);
    request["accepts"] = 1;
    peer.send(1, request);
    const Json coded = co_await peer.message(1);
    CO_ASSERT_TRUE(coded.is_object());
    EXPECT_EQ(coded.at("code"), "out_of_stock");
    EXPECT_EQ(coded.at("details"), 1);
    co_await stop();
  });
}

}  // namespace
}  // namespace mesh::test
