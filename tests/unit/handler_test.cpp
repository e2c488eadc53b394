#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/handler.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <mesh/codec/nlohmann.hpp>
#include <mesh/errors.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::handler_types {

struct Sum {
  int a = 0;
  int b = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Sum, a, b)

}  // namespace mesh::test::handler_types

namespace mesh::detail {
namespace {

using test::expect_error;
using test::run_coroutine;
using test::handler_types::Sum;

template <typename Request, typename Response, typename Function>
std::shared_ptr<TypedHandler<Request, Response>> make_handler(Function function) {
  return std::make_shared<FunctionHandler<Function, Request, Response>>("type",
                                                                        std::move(function));
}

CallContext context_of(InstanceId sender) { return make_local_context(sender, "type"); }

/// In the way that it is for.
asio::awaitable<std::string> handle(std::shared_ptr<RequestHandler> handler, std::string json) {
  CallContext context = context_of(7);
  std::string response;
  if (handler->is_plain()) {
    handler->handle_now(context, json, response);
  } else {
    co_await handler->handle(context, json, response);
  }
  co_return response;
}

std::string handle_now(RequestHandler& handler, std::string_view json) {
  CallContext context = context_of(7);
  std::string response = "before:";
  handler.handle_now(context, json, response);
  EXPECT_TRUE(response.starts_with("before:"));
  return response.substr(7);
}

TEST(RequestHandler, PlainFunction) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto handler = make_handler<Sum, int>([](const Sum& sum) { return sum.a + sum.b; });
    EXPECT_EQ(co_await handle(handler, R"({"a":1,"b":2})"), "3");
    CallContext context = context_of(7);
    std::optional<int> none;
    EXPECT_THROW(static_cast<void>(handler->call(context, Sum{3, 4}, none)), std::logic_error);
  });
}

TEST(RequestHandler, APlainFunctionNeedsNoCoroutine) {
  const auto handler = make_handler<Sum, int>([](const Sum& sum) { return sum.a + sum.b; });
  EXPECT_TRUE(handler->is_plain());
  EXPECT_EQ(handle_now(*handler, R"({"a":1,"b":2})"), "3");
  CallContext context = context_of(7);
  EXPECT_EQ(handler->call_now(context, Sum{3, 4}), 7);
  const auto nothing = make_handler<void, void>([] {});
  EXPECT_EQ(handle_now(*nothing, R"("whatever was sent")"), "null");
  const auto untyped = make_handler<Json, Json>([](Json data) { return data; });
  EXPECT_EQ(handle_now(*untyped, "[1,[2]]"), "[1,[2]]");
  const auto failing = make_handler<void, void>([] { throw std::out_of_range("plain"); });
  EXPECT_THROW(handle_now(*failing, "null"), std::out_of_range);
  EXPECT_THROW(handle_now(*handler, R"("no sum")"), MeshDecodeError);
}

TEST(RequestHandler, ACoroutineIsNotPlain) {
  const auto coroutine = make_handler<void, void>([]() -> asio::awaitable<void> { co_return; });
  EXPECT_FALSE(coroutine->is_plain());
  EXPECT_THROW(handle_now(*coroutine, "null"), std::logic_error);
}

TEST(RequestHandler, Coroutine) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto handler = make_handler<Sum, int>([](Sum sum) -> asio::awaitable<int> {
      co_await test::sleep_for(std::chrono::milliseconds(1));
      co_return sum.a + sum.b;
    });
    EXPECT_EQ(co_await handle(handler, R"({"a":1,"b":2})"), "3");
  });
}

TEST(RequestHandler, GetsTheContextIfItTakesOne) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto plain = make_handler<int, InstanceId>(
        [](CallContext& call, int number) { return call.sender() + number; });
    const auto coroutine = make_handler<void, std::string>(
        [](const CallContext& call) -> asio::awaitable<std::string> { co_return call.type(); });
    const auto neither = make_handler<int, int>([](int number) { return number; });
    EXPECT_TRUE(plain->takes_context());
    EXPECT_TRUE(coroutine->takes_context());
    EXPECT_FALSE(neither->takes_context());
    EXPECT_EQ(handle_now(*plain, "3"), "10");
    EXPECT_EQ(co_await handle(coroutine, "null"), R"("type")");
  });
}

TEST(RequestHandler, AContextMayBeKept) {
  std::optional<CallContext> kept;
  {
    CallContext context = context_of(7);
    kept = context;
  }
  EXPECT_EQ(kept->sender(), 7);
  EXPECT_EQ(kept->type(), "type");
  EXPECT_EQ(kept->request_id(), "");
  EXPECT_EQ(kept->timeout(), std::chrono::milliseconds::zero());
  EXPECT_FALSE(kept->is_cancelled());
}

TEST(RequestHandler, NoPayloadEitherWay) {
  run_coroutine([]() -> asio::awaitable<void> {
    int calls = 0;
    const auto plain = make_handler<void, void>([&] { ++calls; });
    const auto coroutine = make_handler<void, void>([&]() -> asio::awaitable<void> {
      ++calls;
      co_return;
    });
    EXPECT_EQ(co_await handle(plain, "null"), "null");
    EXPECT_EQ(co_await handle(coroutine, R"("whatever was sent")"), "null");
    EXPECT_EQ(calls, 2);
  });
}

TEST(RequestHandler, UntypedPayloadsComeThroughUnchanged) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto handler = make_handler<Json, Json>([](Json data) { return data; });
    for (const char* text : {"null", "[1,[2]]", R"({"a":{"b":null}})", R"("text")", "1.5"}) {
      EXPECT_EQ(co_await handle(handler, text), text);
    }
  });
}

TEST(RequestHandler, MoveOnlyAndMutableFunctions) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto handler = make_handler<void, int>(
        [counter = std::make_unique<int>(0)]() mutable { return ++*counter; });
    EXPECT_EQ(co_await handle(handler, "null"), "1");
    EXPECT_EQ(co_await handle(handler, "null"), "2");
  });
}

TEST(RequestHandler, ExceptionsComeOutUnchanged) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto plain = make_handler<void, void>([] { throw std::out_of_range("plain"); });
    const auto coroutine = make_handler<void, void>([]() -> asio::awaitable<void> {
      throw std::out_of_range("coroutine");
      co_return;
    });
    const auto first = co_await expect_error<std::out_of_range>(handle(plain, "null"));
    CO_ASSERT_TRUE(first);
    EXPECT_STREQ(first->what(), "plain");
    const auto second = co_await expect_error<std::out_of_range>(handle(coroutine, "null"));
    CO_ASSERT_TRUE(second);
    EXPECT_STREQ(second->what(), "coroutine");
  });
}

TEST(RequestHandler, DataThatDoesNotDecodeNamesTypeAndField) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto handler = make_handler<Sum, int>([](Sum) {
      ADD_FAILURE() << "was called";
      return 0;
    });
    const auto error =
        co_await expect_error<MeshDecodeError>(handle(handler, R"({"a":1,"b":"two"})"));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->type(), "type");
    EXPECT_EQ(error->path(), "/b");
  });
}

TEST(RequestHandler, ResponseThatDoesNotEncodeNamesTheType) {
  const auto handler = make_handler<void, std::string>([] { return std::string("\xff"); });
  try {
    handle_now(*handler, "null");
    FAIL() << "encoded";
  } catch (const MeshEncodeError& error) {
    EXPECT_EQ(error.type(), "type");
  }
}

template <typename Payload, typename Function>
std::shared_ptr<BroadcastHandler> make_broadcast_handler(Function function) {
  return std::make_shared<FunctionBroadcastHandler<Function, Payload>>("type", std::move(function));
}

TEST(BroadcastHandler, EveryShapeOfFunctionGetsWhatItWants) {
  run_coroutine([]() -> asio::awaitable<void> {
    std::vector<std::string> calls;
    const auto payload_and_sender =
        make_broadcast_handler<std::string>([&](const std::string& text, InstanceId sender) {
          calls.push_back(text + std::to_string(sender));
        });
    const auto payload =
        make_broadcast_handler<std::string>([&](std::string text) -> asio::awaitable<void> {
          calls.push_back(text);
          co_return;
        });
    const auto sender =
        make_broadcast_handler<void>([&](InstanceId id) { calls.push_back(std::to_string(id)); });
    const auto nothing = make_broadcast_handler<void>([&] { calls.emplace_back("nothing"); });
    co_await payload_and_sender->handle("type", R"("a")", 1);
    co_await payload->handle("type", R"("b")", 2);
    co_await sender->handle("type", "null", 3);
    co_await nothing->handle("type", "null", 4);
    EXPECT_EQ(calls, (std::vector<std::string>{"a1", "b", "3", "nothing"}));
  });
}

TEST(BroadcastHandler, PayloadThatDoesNotDecodeNamesTypeAndField) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto handler = make_broadcast_handler<Sum>([](Sum) { ADD_FAILURE() << "was called"; });
    const auto error =
        co_await expect_error<MeshDecodeError>(handler->handle("type", R"({"a":null,"b":1})", 1));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->path(), "/a");
  });
}

TEST(AsyncCallback, PlainAndCoroutineHaveOneShape) {
  run_coroutine([]() -> asio::awaitable<void> {
    std::string trace;
    const auto plain = make_async_callback<int>([&](int value) { trace += std::to_string(value); });
    const auto coroutine = make_async_callback<int>([&](int value) -> asio::awaitable<void> {
      co_await test::sleep_for(std::chrono::milliseconds(1));
      trace += std::to_string(value);
    });
    co_await plain(1);
    co_await coroutine(2);
    EXPECT_EQ(trace, "12");
  });
}

TEST(AsyncCallback, KeepsTheFunctionWhileItRuns) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto alive = std::make_shared<int>(0);
    AsyncCallback<> callback = make_async_callback<>([alive]() -> asio::awaitable<void> {
      co_await test::sleep_for(std::chrono::milliseconds(1));
      ++*alive;
    });
    auto running = callback();
    callback = nullptr;
    co_await std::move(running);
    EXPECT_EQ(*alive, 1);
  });
}

TEST(AsyncCallback, EmptyFunctionsGiveAnEmptyCallback) {
  EXPECT_FALSE(make_async_callback<int>(std::function<void(int)>()));
  EXPECT_TRUE(make_async_callback<int>(std::function<void(int)>([](int) {})));
  EXPECT_FALSE(make_async_callback<>(static_cast<void (*)()>(nullptr)));
  EXPECT_TRUE(make_async_callback<>([] {}));
}

}  // namespace
}  // namespace mesh::detail
