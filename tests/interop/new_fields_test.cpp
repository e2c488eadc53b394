#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <integration/support/outcome.hpp>
#include <interop/mesh_pair.hpp>
#include <support/channel_recorder.hpp>

// A Node.js node knows nothing of headers, deadlines, cancels and codes, and sees none of them.

namespace mesh::test {
namespace {

std::string channel_of(InstanceId id) { return "test:mesh:interop:node:" + std::to_string(id); }

/// The request has what it always had, with these values, and beside it only what is documented.
void expect_request(const Json& request, InstanceId sender, const std::string& type,
                    const Json& data, int timeout_ms) {
  EXPECT_EQ(request.at("requestId").get<std::string>().size(), 36U);
  EXPECT_EQ(request.at("senderInstanceId"), sender);
  EXPECT_EQ(request.at("type"), type);
  EXPECT_EQ(request.at("data"), data);
  EXPECT_EQ(request.at("timeoutMs"), timeout_ms);
  static constexpr std::array known{"requestId", "senderInstanceId", "type",    "data",
                                    "timeoutMs", "accepts",          "headers", "deadlineMs"};
  for (const auto& field : request.items()) {
    EXPECT_NE(std::ranges::find(known, field.key()), known.end()) << request;
  }
}

/// A plain failure of the original's protocol: no field more, and this text.
void expect_plain_error(const Json& response, const std::string& text) {
  const Json expected{{"requestId", response.at("requestId")}, {"reply", true}, {"error", text}};
  EXPECT_EQ(response, expected);
}

TEST(InteropNewFields, OfARequestLeaveTheOthersAsTheyWere) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    const ChannelRecorder recorder(mesh.redis.options(), {channel_of(mesh.js.id())});
    const Headers headers{{"traceparent", "00-1"}, {"requestId", "x"}, {"reply", "true"}};
    const InvokeOptions options{.timeout = 30s, .deadline = 1h, .headers = &headers};
    const Json data{{"name", "\xe2\x82\xac"}, {"list", {1, nullptr}}};
    EXPECT_EQ(co_await mesh.cpp.service.invoke<"echo">(mesh.js.id(), data, options), data);

    // A handler that calls the Node.js node on behalf of another call.
    mesh.cpp.service.register_handler<"echo">(
        [&](CallContext& call, Json sent) -> asio::awaitable<Json> {
          const InvokeOptions on_behalf{.timeout = 20s, .parent = &call};
          co_return co_await mesh.cpp.service.invoke<"echo">(mesh.js.id(), sent, on_behalf);
        });
    EXPECT_EQ(co_await mesh.cpp.service.invoke<"echo">(mesh.cpp_id(), data, options), data);
    const InstanceId cpp_id = mesh.cpp_id();
    co_await mesh.stop();

    const std::vector<Json> requests = recorder.json();
    CO_ASSERT_TRUE(requests.size() == 2);
    expect_request(requests[0], cpp_id, "echo", data, 30000);
    expect_request(requests[1], cpp_id, "echo", data, 20000);
  });
}

TEST(InteropNewFields, ACallThatIsGivenUpIsOneRequestAndNothingElse) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    const ChannelRecorder recorder(mesh.redis.options(), {channel_of(mesh.js.id())});
    const SlowRequest slow{60000};
    const Json slow_json{{"ms", 60000}};

    // Once before anything is known of the node, once with its owner looked up.
    for (int i = 0; i < 2; ++i) {
      asio::cancellation_signal cancel;
      Outcome<SlowReply> call;
      const InvokeOptions options{.timeout = 30s};
      mesh.cpp.service.invoke<"slow">(mesh.js.id(), slow, options,
                                      asio::bind_cancellation_slot(cancel.slot(), call.token()));
      const auto is_sent = [&] { return recorder.size() == static_cast<std::size_t>(2 * i + 1); };
      EXPECT_TRUE(co_await eventually(is_sent));
      cancel.emit(asio::cancellation_type::terminal);
      co_await expect_error<boost::system::system_error>(call.get());
      // The look-up of the owner has been answered before the second call.
      EXPECT_EQ(co_await mesh.cpp.service.invoke<"echo">(mesh.js.id(), i), i);
    }

    const InvokeOptions options{.timeout = 30s, .deadline = 1s};
    co_await expect_error<MeshDeadlineError>(
        mesh.cpp.service.invoke<"slow">(mesh.js.id(), slow, options));
    const Json after = "after";
    EXPECT_EQ(co_await mesh.cpp.service.invoke<"echo">(mesh.js.id(), after), after);
    const InstanceId cpp_id = mesh.cpp_id();
    co_await mesh.stop();

    const std::vector<Json> received = recorder.json();
    CO_ASSERT_TRUE(received.size() == 6);
    expect_request(received[0], cpp_id, "slow", slow_json, 30000);
    expect_request(received[1], cpp_id, "echo", 0, 10000);
    expect_request(received[2], cpp_id, "slow", slow_json, 30000);
    expect_request(received[3], cpp_id, "echo", 1, 10000);
    expect_request(received[4], cpp_id, "slow", slow_json, 30000);
    expect_request(received[5], cpp_id, "echo", after, 10000);
  });
}

TEST(InteropNewFields, OfAResponseAreNotSentToNodeJs) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    const ChannelRecorder recorder(mesh.redis.options(), {channel_of(mesh.js.id())});
    mesh.cpp.service.register_handler<"fail">([](const FailRequest& request) {
      throw MeshHandlerError(request.message, "out_of_stock", R"({"left":0})");
    });
    const Json fail{{"message", "nothing is left"}};
    const auto own = co_await expect_error<PeerError>(mesh.js.invoke(mesh.cpp_id(), "fail", fail));
    CO_ASSERT_TRUE(own);
    EXPECT_EQ(own->name(), "MeshHandlerError");
    EXPECT_STREQ(own->what(), "nothing is left");
    const Json wrong{{"a", 1}, {"b", "two"}};
    const auto unfit =
        co_await expect_error<PeerError>(mesh.js.invoke(mesh.cpp_id(), "add", wrong));
    CO_ASSERT_TRUE(unfit);
    EXPECT_EQ(unfit->name(), "MeshHandlerError");
    const auto missing =
        co_await expect_error<PeerError>(mesh.js.invoke(mesh.cpp_id(), "missing", nullptr));
    CO_ASSERT_TRUE(missing);
    EXPECT_EQ(missing->name(), "MeshNoHandlerError");
    EXPECT_EQ(co_await mesh.js.invoke(mesh.cpp_id(), "echo", 7), 7);
    co_await mesh.stop();

    const std::vector<Json> received = recorder.json();
    CO_ASSERT_TRUE(received.size() == 4);
    expect_plain_error(received[0], "nothing is left");
    expect_plain_error(received[1], unfit->what());
    expect_plain_error(received[2], "MESH_NO_HANDLER:missing");
    const Json success{{"requestId", received[3].at("requestId")}, {"reply", true}, {"data", 7}};
    EXPECT_EQ(received[3], success);
  });
}

TEST(InteropNewFields, NodeJsReadsWhyARequestWasRefused) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Tuning one_handler;
    one_handler.limits.concurrent_handlers = 1;
    one_handler.limits.queued_handlers = 0;
    one_handler.stop_timeout = 60s;
    Pair mesh(executor, one_handler);
    co_await mesh.start();
    const InstanceId cpp_id = mesh.cpp_id();
    const ChannelRecorder recorder(mesh.redis.options(), {channel_of(mesh.js.id())});
    int running = 0;
    bool may_end = false;
    mesh.cpp.service.register_handler<"noReply">([&]() -> asio::awaitable<Json> {
      ++running;
      EXPECT_TRUE(co_await eventually([&] { return may_end; }, 30s));
      co_return nullptr;
    });
    Outcome<Json> drained;
    asio::co_spawn(executor, mesh.js.invoke(cpp_id, "noReply", nullptr), drained.token());
    EXPECT_TRUE(co_await eventually([&] { return running == 1; }));
    const auto busy = co_await expect_error<PeerError>(mesh.js.invoke(cpp_id, "echo", 1));

    const StopOptions with_drain{.drain_timeout = 30s};
    Outcome<void> stopped;
    mesh.cpp.service.stop(with_drain, stopped.token());
    const auto deregistered = [&] {
      return !mesh.redis.probe().zscore("test:mesh:interop:heartbeats", std::to_string(cpp_id));
    };
    EXPECT_TRUE(co_await eventually(deregistered));
    const auto stopping = co_await expect_error<PeerError>(mesh.js.invoke(cpp_id, "echo", 2));
    may_end = true;
    EXPECT_EQ(co_await drained.get(), nullptr);
    co_await stopped.get();

    co_await mesh.cpp.service.start();
    may_end = false;
    Outcome<Json> cut_off;
    asio::co_spawn(executor, mesh.js.invoke(mesh.cpp_id(), "noReply", nullptr), cut_off.token());
    EXPECT_TRUE(co_await eventually([&] { return running == 2; }));
    const StopOptions at_once{.drain_timeout = 0s};
    co_await mesh.cpp.service.stop(at_once);
    const auto cancelled = co_await expect_error<PeerError>(cut_off.get());
    co_await mesh.js.stop();

    CO_ASSERT_TRUE(busy && stopping && cancelled);
    for (const auto* error : {&*busy, &*stopping, &*cancelled}) {
      EXPECT_EQ(error->name(), "MeshHandlerError");
    }
    EXPECT_TRUE(std::string(busy->what()).starts_with("the node is busy: 1 handlers are running"))
        << busy->what();
    EXPECT_STREQ(stopping->what(), "the node is stopping");
    EXPECT_STREQ(cancelled->what(), "MeshService stopped");
    const std::vector<Json> received = recorder.json();
    CO_ASSERT_TRUE(received.size() == 4);
    expect_plain_error(received[0], busy->what());
    expect_plain_error(received[1], stopping->what());
    EXPECT_FALSE(received[2].contains("error")) << received[2];
    expect_plain_error(received[3], cancelled->what());
  });
}

TEST(InteropNewFields, AChainThatNodeJsBeginsHasNoDeadlineAndNoHeaders) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Pair mesh(executor);
    co_await mesh.start();
    CppNode last(executor, mesh.redis);
    co_await last.service.start();
    std::optional<CallContext> at_middle;
    std::optional<CallContext> at_last;
    mesh.cpp.service.register_handler<"echo">(
        [&](CallContext& call, Json data) -> asio::awaitable<Json> {
          at_middle = call;
          const InvokeOptions on_behalf{.parent = &call};
          co_return co_await mesh.cpp.service.invoke<"echo">(last.service.instance_id(), data,
                                                             on_behalf);
        });
    last.service.register_handler<"echo">([&](CallContext& call, Json data) {
      at_last = call;
      return data;
    });
    const Json data{{"deep", {1, 2}}};
    EXPECT_EQ(co_await mesh.js.invoke(mesh.cpp_id(), "echo", data, 20s), data);
    CO_ASSERT_TRUE(at_middle && at_last);
    EXPECT_EQ(at_middle->sender(), mesh.js.id());
    EXPECT_EQ(at_middle->timeout(), 20s);
    EXPECT_EQ(at_last->sender(), mesh.cpp_id());
    EXPECT_EQ(at_last->timeout(), 10s);
    for (const auto* call : {&*at_middle, &*at_last}) {
      EXPECT_EQ(call->deadline(), std::nullopt);
      EXPECT_TRUE(call->headers().empty());
    }

    // What fails at the end of the chain reaches its beginning as a text.
    last.service.register_handler<"echo">(
        [](Json) -> Json { throw MeshHandlerError("nothing is left", "out_of_stock", "0"); });
    const auto error =
        co_await expect_error<PeerError>(mesh.js.invoke(mesh.cpp_id(), "echo", data));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->name(), "MeshHandlerError");
    EXPECT_STREQ(error->what(), "nothing is left");
    co_await last.service.stop();
    co_await mesh.stop();
  });
}

// What C++ nodes answer by themselves.
TEST(InteropNewFields, BuiltInRequestsAreForAnyNodeAndUnknownToNodeJs) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    const Json ping = co_await mesh.js.invoke(mesh.cpp_id(), "$mesh.ping", nullptr);
    EXPECT_EQ(ping, Json({{"instanceId", mesh.cpp_id()}}));
    const Json stats = co_await mesh.js.invoke(mesh.cpp_id(), "$mesh.stats", nullptr);
    EXPECT_EQ(stats.at("requestsReceived"), 2);
    for (const char* const type : {"$mesh.ping", "$mesh.stats"}) {
      const auto error = co_await expect_error<MeshNoHandlerError>(
          mesh.cpp.service.invoke_raw(mesh.js.id(), type, "null"));
      EXPECT_TRUE(error) << type;
    }
    co_await mesh.stop();
  });
}

}  // namespace
}  // namespace mesh::test
