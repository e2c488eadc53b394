#include <mesh/detail/handler.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

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

TEST(RequestHandler, PlainFunction) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto handler = make_handler<Sum, int>([](const Sum& sum) { return sum.a + sum.b; });
    Json request{{"a", 1}, {"b", 2}};
    EXPECT_EQ(co_await handler->handle(request), 3);
    const Sum sum{3, 4};
    EXPECT_EQ(co_await handler->call(sum), 7);
  });
}

TEST(RequestHandler, APlainFunctionNeedsNoCoroutine) {
  const auto handler = make_handler<Sum, int>([](const Sum& sum) { return sum.a + sum.b; });
  EXPECT_TRUE(handler->is_plain());
  EXPECT_EQ(handler->handle_now(Json{{"a", 1}, {"b", 2}}), 3);
  EXPECT_EQ(handler->call_now(Sum{3, 4}), 7);
  const auto nothing = make_handler<void, void>([] {});
  EXPECT_EQ(nothing->handle_now("whatever was sent"), nullptr);
  const auto untyped = make_handler<Json, Json>([](Json data) { return data; });
  EXPECT_EQ(untyped->handle_now(Json::parse("[1,[2]]")), Json::parse("[1,[2]]"));
  const auto failing = make_handler<void, void>([] { throw std::out_of_range("plain"); });
  EXPECT_THROW(failing->handle_now(nullptr), std::out_of_range);
  EXPECT_THROW(handler->handle_now("no sum"), MeshDecodeError);
}

TEST(RequestHandler, ACoroutineIsNotPlain) {
  const auto coroutine = make_handler<void, void>([]() -> asio::awaitable<void> { co_return; });
  EXPECT_FALSE(coroutine->is_plain());
  EXPECT_THROW(coroutine->handle_now(nullptr), std::logic_error);
}

TEST(RequestHandler, Coroutine) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto handler = make_handler<Sum, int>([](Sum sum) -> asio::awaitable<int> {
      co_await test::sleep_for(std::chrono::milliseconds(1));
      co_return sum.a + sum.b;
    });
    Json request{{"a", 1}, {"b", 2}};
    EXPECT_EQ(co_await handler->handle(request), 3);
  });
}

TEST(RequestHandler, NoPayloadEitherWay) {
  run_coroutine([]() -> asio::awaitable<void> {
    int calls = 0;
    const auto plain = make_handler<void, void>([&] { ++calls; });
    const auto coroutine = make_handler<void, void>([&]() -> asio::awaitable<void> {
      ++calls;
      co_return;
    });
    EXPECT_EQ(co_await plain->handle(nullptr), nullptr);
    EXPECT_EQ(co_await coroutine->handle("whatever was sent"), nullptr);
    EXPECT_EQ(calls, 2);
  });
}

TEST(RequestHandler, UntypedPayloadsComeThroughUnchanged) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto handler = make_handler<Json, Json>([](Json data) { return data; });
    for (const char* text : {"null", "[1,[2]]", R"({"a":{"b":null}})", R"("text")", "1.5"}) {
      const Json document = Json::parse(text);
      const Json answer = co_await handler->handle(document);
      EXPECT_EQ(answer, document);
      EXPECT_EQ(answer.type(), document.type());
    }
  });
}

TEST(RequestHandler, MoveOnlyAndMutableFunctions) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto handler = make_handler<void, int>(
        [counter = std::make_unique<int>(0)]() mutable { return ++*counter; });
    EXPECT_EQ(co_await handler->handle(nullptr), 1);
    EXPECT_EQ(co_await handler->handle(nullptr), 2);
  });
}

TEST(RequestHandler, ExceptionsComeOutUnchanged) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto plain = make_handler<void, void>([] { throw std::out_of_range("plain"); });
    const auto coroutine = make_handler<void, void>([]() -> asio::awaitable<void> {
      throw std::out_of_range("coroutine");
      co_return;
    });
    const auto first = co_await expect_error<std::out_of_range>(plain->handle(nullptr));
    CO_ASSERT_TRUE(first);
    EXPECT_STREQ(first->what(), "plain");
    const auto second = co_await expect_error<std::out_of_range>(coroutine->handle(nullptr));
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
    Json request{{"a", 1}, {"b", "two"}};
    const auto error = co_await expect_error<MeshDecodeError>(handler->handle(request));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->type(), "type");
    EXPECT_EQ(error->path(), "/b");
  });
}

TEST(RequestHandler, ResponseThatDoesNotEncodeNamesTheType) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto handler = make_handler<void, std::string>([] { return std::string("\xff"); });
    // A string that is not UTF-8 becomes a JSON value and fails when that becomes text.
    const Json document = co_await handler->handle(nullptr);
    EXPECT_THROW(static_cast<void>(document.dump()), Json::type_error);
  });
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
    co_await payload_and_sender->handle("a", 1);
    co_await payload->handle("b", 2);
    co_await sender->handle(nullptr, 3);
    co_await nothing->handle(nullptr, 4);
    EXPECT_EQ(calls, (std::vector<std::string>{"a1", "b", "3", "nothing"}));
  });
}

TEST(BroadcastHandler, PayloadThatDoesNotDecodeNamesTypeAndField) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto handler = make_broadcast_handler<Sum>([](Sum) { ADD_FAILURE() << "was called"; });
    Json payload{{"a", nullptr}, {"b", 1}};
    const auto error = co_await expect_error<MeshDecodeError>(handler->handle(payload, 1));
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
