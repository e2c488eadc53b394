#include <gtest/gtest.h>

#include <chrono>
#include <memory>
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

class Limits : public PatientNodesTest {};

MeshOptions limited(MeshOptions options, const MeshLimits& limits) {
  options.limits = limits;
  return options;
}

/// `small` has the limits, `other` the default ones.
struct LimitedPair {
  LimitedPair(const asio::any_io_executor& executor, const std::string& key,
              const MeshOptions& options, const MeshLimits& limits)
      : small(executor, key, limited(options, limits)), other(executor, key, options) {
    register_handlers(small);
    register_handlers(other);
  }

  asio::awaitable<void> start() {
    co_await small.start();
    co_await other.start();
  }
  asio::awaitable<void> stop() {
    co_await small.stop();
    co_await other.stop();
  }

  Node small;
  Node other;
};

void expect_names(const MeshError& error, const std::string& limit) {
  EXPECT_NE(std::string(error.what()).find(limit), std::string::npos) << error.what();
}

TEST_F(Limits, TooManyPendingCallsFailAtOnce) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    MeshLimits limits;
    limits.pending_calls = 3;
    LimitedPair pair(executor, key(), patient(), limits);
    bool may_answer = false;
    pair.other.register_handler<"wait">([&](int value) -> asio::awaitable<int> {
      const auto allowed = [&] { return may_answer; };
      co_await eventually(allowed, 50s);
      co_return value;
    });
    co_await pair.start();
    const InstanceId target = pair.other.instance_id();
    std::vector<std::shared_ptr<Call>> calls;
    for (int i = 0; i < 3; ++i) calls.push_back(begin_wait(executor, pair.small, target, 0ms, 50s));
    const std::string text = "one too many";
    const auto error =
        co_await expect_error<MeshLimitError>(pair.small.invoke<"echo">(target, text));
    CO_ASSERT_TRUE(error);
    expect_names(*error, "pending_calls");
    EXPECT_EQ(calls[0]->completions, 0);
    // The own handlers are called without a pending call.
    EXPECT_EQ(co_await pair.small.invoke<"echo">(pair.small.instance_id(), text), text);
    may_answer = true;
    for (const auto& call : calls) {
      const auto is_done = [&] { return call->is_done(); };
      EXPECT_TRUE(co_await eventually(is_done));
      EXPECT_TRUE(call->succeeded) << call->what();
    }
    EXPECT_EQ(co_await pair.small.invoke<"echo">(target, text), text);
    co_await pair.stop();
  });
}

TEST_F(Limits, CallersLearnThatTooManyHandlersAreRunning) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    MeshLimits limits;
    limits.concurrent_handlers = 2;
    limits.queued_handlers = 0;
    LimitedPair pair(executor, key(), patient(), limits);
    int running = 0;
    bool may_answer = false;
    pair.small.register_handler<"wait">([&](int value) -> asio::awaitable<int> {
      ++running;
      const auto allowed = [&] { return may_answer; };
      co_await eventually(allowed, 50s);
      co_return value;
    });
    co_await pair.start();
    const InstanceId target = pair.small.instance_id();
    std::vector<std::shared_ptr<Call>> calls;
    for (int i = 0; i < 2; ++i) calls.push_back(begin_wait(executor, pair.other, target, 0ms, 50s));
    const auto both_run = [&] { return running == 2; };
    CO_ASSERT_TRUE(co_await eventually(both_run));
    const std::string text = "one too many";
    const auto error =
        co_await expect_error<MeshRefusedError>(pair.other.invoke<"echo">(target, text));
    CO_ASSERT_TRUE(error);
    expect_names(*error, "busy");
    expect_names(*error, "concurrent_handlers");
    EXPECT_EQ(pair.small.stats().requests_refused, 1U);
    may_answer = true;
    for (const auto& call : calls) {
      const auto is_done = [&] { return call->is_done(); };
      EXPECT_TRUE(co_await eventually(is_done));
      EXPECT_TRUE(call->succeeded) << call->what();
    }
    EXPECT_TRUE(co_await echoes(pair.other, target, 20s));
    co_await pair.stop();
  });
}

TEST_F(Limits, ABroadcastForABusyNodeIsDroppedAndLogged) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    MeshLimits limits;
    limits.concurrent_handlers = 1;
    limits.queued_handlers = 0;
    LimitedPair pair(executor, key(), patient(), limits);
    int begun = 0;
    bool may_end = false;
    pair.small.register_broadcast_handler<"news">(
        [&](const std::string& /*text*/) -> asio::awaitable<void> {
          ++begun;
          const auto allowed = [&] { return may_end; };
          co_await eventually(allowed, 50s);
        });
    co_await pair.start();
    const std::string text = "extra! extra!";
    co_await pair.other.broadcast<"news">(text);
    const auto runs = [&] { return begun == 1; };
    CO_ASSERT_TRUE(co_await eventually(runs));
    co_await pair.other.broadcast<"news">(text);
    const auto is_refused = [&] { return pair.small.stats().requests_refused == 1; };
    EXPECT_TRUE(co_await eventually(is_refused));
    EXPECT_TRUE(log().contains("news", LogLevel::warning)) << log().text();
    may_end = true;
    const auto gets_through = [&]() -> asio::awaitable<bool> {
      co_await pair.other.broadcast<"news">(text);
      co_return begun > 1;
    };
    EXPECT_TRUE(co_await eventually(gets_through));
    co_await pair.stop();
  });
}

// Sizes -------------------------------------------------------------------------------------------

MeshLimits small_messages() {
  MeshLimits limits;
  limits.message_size = 1000;
  return limits;
}

const std::string too_long(2000, 'x');

TEST_F(Limits, ARequestThatIsTooLargeIsNotSent) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LimitedPair pair(co_await asio::this_coro::executor, key(), patient(), small_messages());
    co_await pair.start();
    const InstanceId target = pair.other.instance_id();
    const auto error =
        co_await expect_error<MeshLimitError>(pair.small.invoke<"echo">(target, too_long));
    CO_ASSERT_TRUE(error);
    expect_names(*error, "message_size");
    EXPECT_TRUE(co_await echoes(pair.small, target, 20s));
    EXPECT_EQ(pair.other.stats().requests_received, 1U);
    co_await pair.stop();
  });
}

TEST_F(Limits, AResponseThatIsTooLargeBecomesAnErrorAtTheCaller) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LimitedPair pair(co_await asio::this_coro::executor, key(), patient(), small_messages());
    pair.small.register_handler<"echo">(
        [](const std::string& text) { return text == "the long one" ? too_long : text; });
    co_await pair.start();
    const InstanceId target = pair.small.instance_id();
    const std::string text = "the long one";
    const auto error =
        co_await expect_error<MeshHandlerError>(pair.other.invoke<"echo">(target, text));
    CO_ASSERT_TRUE(error);
    expect_names(*error, "message_size");
    EXPECT_TRUE(co_await echoes(pair.other, target, 20s));
    co_await pair.stop();
  });
}

TEST_F(Limits, ABroadcastThatIsTooLargeIsNotSent) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LimitedPair pair(co_await asio::this_coro::executor, key(), patient(), small_messages());
    int heard = 0;
    pair.small.register_broadcast_handler<"news">([&](const std::string& /*text*/) { ++heard; });
    co_await pair.start();
    const ChannelRecorder recorder(redis().options(), {name("broadcast")});
    const auto error =
        co_await expect_error<MeshLimitError>(pair.small.broadcast<"news">(too_long));
    CO_ASSERT_TRUE(error);
    expect_names(*error, "message_size");
    const std::string text = "short";
    co_await pair.small.broadcast<"news">(text);
    const auto arrived = [&] { return recorder.size() == 1 && heard == 1; };
    EXPECT_TRUE(co_await eventually(arrived));
    EXPECT_EQ(pair.small.stats().broadcasts_sent, 1U);
    co_await pair.stop();
  });
}

TEST_F(Limits, WhatOthersSendTooLargeIsDroppedAndCallersAreTold) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LimitedPair pair(co_await asio::this_coro::executor, key(), patient(), small_messages());
    co_await pair.start();
    const InstanceId target = pair.small.instance_id();
    const auto error = co_await expect_error<MeshRefusedError>(
        pair.other.invoke<"echo">(target, too_long, {.timeout = 50s}));
    CO_ASSERT_TRUE(error);
    expect_names(*error, "message_size");
    const auto requests_dropped = pair.small.stats().messages_dropped;
    EXPECT_EQ(requests_dropped, 1U);
    EXPECT_EQ(pair.small.stats().requests_received, 0U);
    co_await pair.other.broadcast<"news">(too_long);
    const auto dropped = [&] {
      return pair.small.stats().messages_dropped == requests_dropped + 1;
    };
    EXPECT_TRUE(co_await eventually(dropped));
    EXPECT_TRUE(co_await echoes(pair.other, target, 20s));
    co_await pair.stop();
  });
}

TEST_F(Limits, AResponseBeyondTheLimitsOfItsCallerEndsTheCall) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LimitedPair pair(co_await asio::this_coro::executor, key(), patient(), small_messages());
    pair.other.register_handler<"echo">([](const std::string& /*text*/) { return too_long; });
    co_await pair.start();
    const std::string text = "short";
    const auto error = co_await expect_error<MeshLimitError>(
        pair.small.invoke<"echo">(pair.other.instance_id(), text, {.timeout = 50s}));
    CO_ASSERT_TRUE(error);
    expect_names(*error, "message_size");
    EXPECT_EQ(pair.small.stats().calls_failed, 1U);
    co_await pair.stop();
  });
}

// Nesting -----------------------------------------------------------------------------------------

using Json = nlohmann::json;
using UntypedNode = MeshService<MessageMap<Message<"echo", Json, Json>, Message<"deep", int, Json>>,
                                BroadcastMap<Broadcast<"news", Json>>>;

Json nested_arrays(int depth) {
  Json value = 1;
  for (int i = 0; i < depth; ++i) value = Json::array({value});
  return value;
}

MeshLimits ten_levels() {
  MeshLimits limits;
  limits.nesting_depth = 10;
  return limits;
}

/// `shallow` takes fewer levels than `other`.
struct NestedPair {
  NestedPair(const asio::any_io_executor& executor, const std::string& key,
             const MeshOptions& options)
      : shallow(executor, key, limited(options, ten_levels())), other(executor, key, options) {
    for (UntypedNode* const node : {&shallow, &other}) {
      node->register_handler<"echo">([](Json value) { return value; });
      node->register_handler<"deep">(nested_arrays);
    }
  }

  asio::awaitable<void> start() {
    co_await shallow.start();
    co_await other.start();
  }
  asio::awaitable<void> stop() {
    co_await shallow.stop();
    co_await other.stop();
  }

  UntypedNode shallow;
  UntypedNode other;
};

TEST_F(Limits, WhatIsNestedTooDeeplyIsNotSent) {
  run_coroutine([&]() -> asio::awaitable<void> {
    NestedPair pair(co_await asio::this_coro::executor, key(), patient());
    co_await pair.start();
    const InstanceId target = pair.other.instance_id();
    const Json fits = nested_arrays(9);  // the message itself is a level
    const Json too_deep = nested_arrays(10);
    EXPECT_EQ(co_await pair.shallow.invoke<"echo">(target, fits), fits);
    const auto call = co_await expect_error<MeshLimitError>(
        pair.shallow.invoke<"echo">(target, too_deep, {.timeout = 50s}));
    CO_ASSERT_TRUE(call);
    expect_names(*call, "nesting_depth");
    const auto broadcast =
        co_await expect_error<MeshLimitError>(pair.shallow.broadcast<"news">(too_deep));
    CO_ASSERT_TRUE(broadcast);
    expect_names(*broadcast, "nesting_depth");
    EXPECT_EQ(pair.other.stats().requests_received, 1U);
    EXPECT_EQ(pair.other.stats().messages_dropped, 0U);
    EXPECT_EQ(pair.shallow.stats().broadcasts_sent, 0U);
    co_await pair.stop();
  });
}

TEST_F(Limits, WhatIsNestedTooDeeplyForTheOtherSideIsAnErrorAtTheCaller) {
  run_coroutine([&]() -> asio::awaitable<void> {
    NestedPair pair(co_await asio::this_coro::executor, key(), patient());
    co_await pair.start();
    const Json too_deep = nested_arrays(10);
    const auto request = co_await expect_error<MeshRefusedError>(
        pair.other.invoke<"echo">(pair.shallow.instance_id(), too_deep, {.timeout = 50s}));
    CO_ASSERT_TRUE(request);
    expect_names(*request, "nesting_depth");
    const auto response = co_await expect_error<MeshLimitError>(
        pair.shallow.invoke<"deep">(pair.other.instance_id(), 10, {.timeout = 50s}));
    CO_ASSERT_TRUE(response);
    expect_names(*response, "nesting_depth");
    const auto refused = co_await expect_error<MeshHandlerError>(
        pair.other.invoke<"deep">(pair.shallow.instance_id(), 10, {.timeout = 50s}));
    CO_ASSERT_TRUE(refused);
    expect_names(*refused, "nesting_depth");
    co_await pair.stop();
  });
}

// The default size --------------------------------------------------------------------------------

TEST_F(Limits, AMessageOfTheDefaultSizeGetsThrough) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Pair pair(co_await asio::this_coro::executor, redis().options(), key());
    co_await pair.start();
    const std::string text(std::size_t{8} << 20U, 'y');
    const std::string answer =
        co_await pair.a.invoke<"echo">(pair.b.instance_id(), text, {.timeout = 50s});
    EXPECT_TRUE(answer == text);
    co_await pair.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
