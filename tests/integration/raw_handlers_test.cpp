#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <integration/support/few_nodes_test.hpp>

namespace mesh::test {
namespace {

class RawHandlers : public FewNodesTest {};

TEST_F(RawHandlers, GetAndGiveJsonUnderANameOfRunTime) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    const std::string name = "made at run time, and too long to be kept inside of a std::string";
    target_->register_handler(name, [](CallContext& call, std::string_view json) {
      return R"({"type":")" + call.type() + R"(","got":)" + std::string(json) + "}";
    });
    const std::string reply = co_await caller_->invoke_raw(2, name, R"([1, {"a":null}])");
    EXPECT_EQ(reply, R"({"type":")" + name + R"(","got":[1, {"a":null}]})");
    co_await stop();
  });
}

TEST_F(RawHandlers, MayBeCoroutinesWhoseTextLivesUntilTheyEnd) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    target_->register_handler(
        "slow", [](CallContext&, std::string_view json) -> asio::awaitable<std::string> {
          co_await sleep_for(20ms);
          co_return std::string(json);
        });
    const std::string json = '"' + std::string(1000, 'x') + '"';
    EXPECT_EQ(co_await caller_->invoke_raw(2, "slow", json), json);
    co_await stop();
  });
}

TEST_F(RawHandlers, AndTypedOnesCanBeCalledByEither) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    for (Service* const node : {caller_.get(), target_.get()}) {
      node->register_handler("echo",
                             [](CallContext&, std::string_view) { return R"({"text":"raw"})"; });
      node->register_handler<"ask">([] { return text_of("typed"); });
    }
    const Text request = text_of("x");
    for (const InstanceId id : {1, 2}) {
      const Text raw = co_await caller_->invoke<"echo">(id, request);
      EXPECT_EQ(raw.text, "raw") << id;
      EXPECT_EQ(co_await caller_->invoke_raw(id, "ask", "null"), R"({"text":"typed"})") << id;
    }
    co_await stop();
  });
}

TEST_F(RawHandlers, WhatIsNotOneJsonValueIsRefused) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    std::string response;
    for (Service* const node : {caller_.get(), target_.get()}) {
      node->register_handler("any", [&](CallContext&, std::string_view) { return response; });
    }
    for (const char* bad : {"", "1,2", R"(1,"error":"x")", "{", "\"\xff\"", "1 2", "nul"}) {
      response = "null";
      for (const InstanceId id : {1, 2}) {
        const auto error =
            co_await expect_error<MeshEncodeError>(caller_->invoke_raw(id, "any", bad));
        EXPECT_TRUE(error && error->executed() == Executed::no) << bad;
      }
      response = bad;
      const auto remote =
          co_await expect_error<MeshHandlerError>(caller_->invoke_raw(2, "any", "null"));
      EXPECT_TRUE(remote && remote->executed() == Executed::yes) << bad;
      const auto local =
          co_await expect_error<MeshEncodeError>(caller_->invoke_raw(1, "any", "null"));
      EXPECT_TRUE(local && local->executed() == Executed::yes) << bad;
    }
    co_await stop();
  });
}

TEST_F(RawHandlers, NamesThatAreEmptyOrReservedAreRefused) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    const auto raw = [](CallContext&, std::string_view) { return std::string("1"); };
    EXPECT_THROW(node->register_handler("", raw), std::invalid_argument);
    EXPECT_THROW(node->register_handler("$mesh.ping", raw), std::invalid_argument);
  });
}

TEST_F(RawHandlers, AFallbackAnswersWhatNobodyElseDoes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    target_->register_handler<"ask">([] { return text_of("own"); });
    target_->register_fallback_handler(
        [](CallContext& call, std::string_view) { return '"' + call.type() + '"'; });
    EXPECT_EQ(co_await caller_->invoke_raw(2, "whatever", "1"), R"("whatever")");
    const Text own = co_await caller_->invoke<"ask">(2);
    EXPECT_EQ(own.text, "own");
    target_->unregister_handler<"ask">();
    EXPECT_EQ(co_await caller_->invoke_raw(2, "ask", "null"), R"("ask")");
    co_await expect_error<MeshNoHandlerError>(caller_->invoke_raw(2, "$mesh.unknown", "null"));
    co_await stop();
  });
}

TEST_F(RawHandlers, WhatWasUnregisteredIsNotThere) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    for (Service* const node : {caller_.get(), target_.get()}) {
      node->unregister_handler<"ask">();  // nothing yet
      node->register_handler<"ask">([] { return Text{}; });
      node->register_handler("raw", [](CallContext&, std::string_view) { return "1"; });
      node->unregister_handler<"ask">();
      node->unregister_handler("raw");
    }
    for (const InstanceId id : {1, 2}) {
      const auto error = co_await expect_error<MeshNoHandlerError>(caller_->invoke<"ask">(id));
      EXPECT_TRUE(error && error->executed() == Executed::no);
      co_await expect_error<MeshNoHandlerError>(caller_->invoke_raw(id, "raw", "1"));
    }
    co_await stop();
  });
}

TEST_F(RawHandlers, ARequestThatWaitedWhileItsHandlerWasRemovedGetsAnError) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions one = options();
    one.limits.concurrent_handlers = 1;
    caller_ = co_await start_node();
    target_ = co_await start_node(std::move(one));
    bool may_end = false;
    bool is_running = false;
    target_->register_handler<"nothing">([&]() -> asio::awaitable<void> {
      is_running = true;
      EXPECT_TRUE(co_await eventually([&] { return may_end; }));
    });
    target_->register_handler<"ask">([] { return Text{}; });
    auto first = caller_->invoke<"nothing">(2);
    auto second = [&]() -> asio::awaitable<void> {
      EXPECT_TRUE(co_await eventually([&] { return is_running; }));
      auto call = expect_error<MeshNoHandlerError>(caller_->invoke<"ask">(2));
      auto remove = [&]() -> asio::awaitable<void> {
        EXPECT_TRUE(co_await eventually([&] { return target_->stats().requests_received == 2; }));
        target_->unregister_handler<"ask">();
        may_end = true;
      };
      auto removal = remove();
      using asio::experimental::awaitable_operators::operator&&;
      co_await (std::move(call) && std::move(removal));
    };
    auto rest = second();
    using asio::experimental::awaitable_operators::operator&&;
    co_await (std::move(first) && std::move(rest));
    co_await stop();
  });
}

}  // namespace
}  // namespace mesh::test
