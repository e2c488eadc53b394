#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/system/system_error.hpp>
#include <integration/support/few_nodes_test.hpp>
#include <integration/support/outcome.hpp>

namespace mesh::test {
namespace {

template <typename TypeStats>
std::uint64_t count_of(const std::map<std::string, TypeStats>& stats) {
  std::uint64_t sum = 0;
  for (const auto& one : stats) {
    sum += one.second.succeeded + one.second.refused + one.second.cancelled;
    if constexpr (std::is_same_v<TypeStats, CallTypeStats>) {
      sum += one.second.timed_out + one.second.unreachable + one.second.handler_failed +
             one.second.other_errors;
    } else {
      sum += one.second.failed;
    }
  }
  return sum;
}

// Figures -----------------------------------------------------------------------------------------

/// The target runs one handler at a time, and no request waits.
class Stats : public FewNodesTest {
 protected:
  asio::awaitable<void> start_with_busy_target(std::size_t queued_handlers = 0) {
    MeshOptions one = options();
    one.limits.concurrent_handlers = 1;
    one.limits.queued_handlers = queued_handlers;
    co_await start_two(std::move(one));
    target_->register_handler<"nothing">([this]() -> asio::awaitable<void> {
      ++running_;
      EXPECT_TRUE(co_await eventually([this] { return may_end_; }));
    });
  }
  /// Returns once its handler runs.
  asio::awaitable<Outcome<void>> begin_long_call() {
    Outcome<void> call;
    const int before = running_;
    caller_->invoke<"nothing">(2, {}, call.token());
    const auto runs = [this, before] { return running_ > before; };
    EXPECT_TRUE(co_await eventually(runs));
    co_return call;
  }

  int running_ = 0;
  bool may_end_ = false;
};

TEST_F(Stats, TellByTypeWhatBecameOfCalls) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_with_busy_target();
    let_target_echo();
    const Text good = text_of("x");
    const Text bad = text_of("fail");
    co_await caller_->invoke<"echo">(2, good);
    co_await caller_->invoke<"echo">(2, good);
    co_await expect_error<MeshHandlerError>(caller_->invoke<"echo">(2, bad));
    co_await expect_error<MeshNodeUnreachableError>(caller_->invoke<"echo">(99, good));
    co_await expect_error<MeshNoHandlerError>(caller_->invoke_raw(2, "missing", "1"));
    const std::vector<std::string> silent{channel(777)};
    const ChannelRecorder listener(redis().options(), silent);
    const InvokeOptions brief{.timeout = 100ms};
    co_await expect_error<MeshRequestTimeoutError>(caller_->invoke<"echo">(777, good, brief));
    const Outcome<void> running = co_await begin_long_call();
    co_await expect_error<MeshRefusedError>(caller_->invoke<"echo">(2, good));

    EXPECT_EQ(caller_->stats().calls_pending, 1U);
    EXPECT_EQ(target_->stats().handlers_running, 1U);
    may_end_ = true;
    co_await running.get();
    const MeshStats calls = caller_->stats();
    EXPECT_EQ(calls.calls_pending, 0U);
    EXPECT_EQ(count_of(calls.calls), calls.calls_sent);
    CO_ASSERT_TRUE(calls.calls.contains("echo") && calls.calls.contains("missing"));
    const CallTypeStats& echo = calls.calls.at("echo");
    EXPECT_EQ(echo.succeeded, 2U);
    EXPECT_EQ(echo.handler_failed, 1U);
    EXPECT_EQ(echo.unreachable, 1U);
    EXPECT_EQ(echo.timed_out, 1U);
    EXPECT_EQ(echo.refused, 1U);
    EXPECT_EQ(echo.latency.count(), 4U);
    EXPECT_GE(echo.latency.max(), 100ms);
    EXPECT_EQ(calls.calls.at("missing").other_errors, 1U);
    EXPECT_EQ(calls.calls.at("nothing").succeeded, 1U);

    const auto has_ended = [&] { return target_->stats().handlers_running == 0; };
    EXPECT_TRUE(co_await eventually(has_ended));
    const MeshStats handlers = target_->stats();
    EXPECT_FALSE(handlers.handlers.contains("missing"));
    CO_ASSERT_TRUE(handlers.handlers.contains("echo"));
    EXPECT_EQ(handlers.handlers.at("echo").succeeded, 2U);
    EXPECT_EQ(handlers.handlers.at("echo").failed, 1U);
    EXPECT_EQ(handlers.handlers.at("echo").refused, 1U);
    EXPECT_EQ(handlers.handlers.at("echo").latency.count(), 3U);
    EXPECT_EQ(handlers.handlers.at("nothing").succeeded, 1U);
    co_await stop();
  });
}

TEST_F(Stats, TellOfCancelledCallsAndOfRequestsThatWait) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_with_busy_target(5);
    asio::cancellation_signal first;
    asio::cancellation_signal second;
    Outcome<void> running;
    Outcome<void> waiting;
    caller_->invoke<"nothing">(2, {}, asio::bind_cancellation_slot(first.slot(), running.token()));
    const auto runs = [&] { return running_ == 1; };
    CO_ASSERT_TRUE(co_await eventually(runs));
    caller_->invoke<"nothing">(2, {}, asio::bind_cancellation_slot(second.slot(), waiting.token()));
    const auto waits = [&] { return target_->stats().requests_queued == 1; };
    EXPECT_TRUE(co_await eventually(waits));
    second.emit(asio::cancellation_type::terminal);
    const auto waits_no_more = [&] { return target_->stats().requests_queued == 0; };
    EXPECT_TRUE(co_await eventually(waits_no_more));
    first.emit(asio::cancellation_type::terminal);
    const auto runs_no_more = [&] { return target_->stats().handlers_running == 0; };
    EXPECT_TRUE(co_await eventually(runs_no_more));
    co_await expect_error<boost::system::system_error>(running.get());
    co_await expect_error<boost::system::system_error>(waiting.get());
    EXPECT_EQ(caller_->stats().calls.at("nothing").cancelled, 2U);
    EXPECT_EQ(caller_->stats().calls.at("nothing").latency.count(), 0U);
    EXPECT_EQ(target_->stats().handlers.at("nothing").cancelled, 2U);
    co_await stop();
  });
}

TEST_F(Stats, TellOfRequestsThatAStopEnds) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_with_busy_target(5);
    const Outcome<void> running = co_await begin_long_call();
    Outcome<void> waiting;
    caller_->invoke<"nothing">(2, {}, waiting.token());
    const auto waits = [&] { return target_->stats().requests_queued == 1; };
    EXPECT_TRUE(co_await eventually(waits));
    co_await target_->stop({.drain_timeout = 0s});
    co_await expect_error<MeshRefusedError>(running.get());
    co_await expect_error<MeshRefusedError>(waiting.get());
    EXPECT_EQ(caller_->stats().calls.at("nothing").refused, 2U);
    const MeshStats stats = target_->stats();
    EXPECT_EQ(stats.handlers.at("nothing").cancelled, 1U);
    EXPECT_EQ(stats.handlers.at("nothing").refused, 1U);
    EXPECT_EQ(stats.handlers.at("nothing").latency.count(), 0U);
    EXPECT_EQ(stats.handlers_running, 0U);
    EXPECT_EQ(stats.requests_queued, 0U);
    co_await stop();
  });
}

TEST_F(Stats, KeepABoundedNumberOfTypes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    target_->register_fallback_handler(
        [](CallContext&, std::string_view json) { return std::string(json); });
    constexpr std::uint64_t types = 300;
    for (std::uint64_t i = 0; i < types; ++i) {
      const std::string type = "type " + std::to_string(i);
      EXPECT_EQ(co_await caller_->invoke_raw(2, type, "1"), "1");
    }
    const MeshStats calls = caller_->stats();
    const MeshStats handlers = target_->stats();
    EXPECT_EQ(calls.calls.size(), 257U);
    EXPECT_EQ(calls.calls.at("").succeeded, types - 256);
    EXPECT_EQ(count_of(calls.calls), types);
    EXPECT_EQ(handlers.handlers.size(), 257U);
    EXPECT_EQ(count_of(handlers.handlers), types);
    co_await stop();
  });
}

TEST_F(Stats, TellTheLastWarning) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions silent = options();
    silent.log = null_log_sink();
    const auto node = co_await start_node(std::move(silent));
    EXPECT_EQ(node->stats().last_error_at, std::chrono::system_clock::time_point());
    const auto before = std::chrono::system_clock::now();
    probe().command({on_cluster() ? "SPUBLISH" : "PUBLISH", name("broadcast"), "no JSON"});
    const auto is_told = [&] {
      return node->stats().last_error.find("dropped a message") != std::string::npos;
    };
    EXPECT_TRUE(co_await eventually(is_told)) << node->stats().last_error;
    EXPECT_GE(node->stats().last_error_at, before);
    EXPECT_LE(node->stats().last_error_at, std::chrono::system_clock::now());
    co_await node->stop();
  });
}

// Built-in handlers -------------------------------------------------------------------------------

class BuiltinHandlers : public FewNodesTest {
 protected:
  asio::awaitable<Json> ask(Service& node, InstanceId id, std::string type) {
    const std::string answer = co_await node.invoke_raw(id, type, "null");
    co_return Json::parse(answer);
  }
  static Json id_of(InstanceId id) { return {{"instanceId", id}}; }
};

TEST_F(BuiltinHandlers, AnswerAPingOfAnyNode) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    for (const InstanceId id : {1, 2}) {
      EXPECT_EQ(co_await ask(*caller_, id, "$mesh.ping"), id_of(id));
    }
    // Whatever the request says.
    EXPECT_EQ(co_await caller_->invoke_raw(2, "$mesh.ping", R"([{"a":1}])"), R"({"instanceId":2})");
    co_await expect_error<MeshNoHandlerError>(caller_->invoke_raw(2, "$mesh.unknown", "null"));
    co_await expect_error<MeshNoHandlerError>(caller_->invoke_raw(1, "$mesh.unknown", "null"));
    co_await stop();
  });
}

TEST_F(BuiltinHandlers, TellTheFiguresOfAnyNode) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    target_->register_handler<"ask">([] { return text_of("x"); });
    for (int i = 0; i < 3; ++i) co_await caller_->invoke<"ask">(2);
    const Json target = co_await ask(*caller_, 2, "$mesh.stats");
    const Json& handler = target.at("handlers").at("ask");
    EXPECT_EQ(handler.at("succeeded"), 3);
    EXPECT_EQ(handler.at("latency").at("count"), 3);
    std::uint64_t in_buckets = 0;
    for (const Json& bucket : handler.at("latency").at("buckets")) {
      in_buckets += bucket.at(1).get<std::uint64_t>();
    }
    EXPECT_EQ(in_buckets, 3U);
    EXPECT_EQ(target.at("connected"), true);
    EXPECT_EQ(target.at("requestsReceived"), 4);
    const Json own = co_await ask(*caller_, 1, "$mesh.stats");
    EXPECT_EQ(own.at("calls").at("ask").at("succeeded"), 3);
    EXPECT_EQ(own.at("calls").at("$mesh.stats").at("succeeded"), 1);
    EXPECT_EQ(target_->stats().handlers.size(), 1U);
    co_await stop();
  });
}

TEST_F(BuiltinHandlers, TellWhatAnyNodeIs) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    target_->register_handler<"ask">([] { return text_of("x"); });
    for (const InstanceId id : {1, 2}) {
      const Json info = co_await ask(*caller_, id, "$mesh.info");
      EXPECT_EQ(info.at("instanceId"), id);
      EXPECT_EQ(info.at("language"), "C++");
      EXPECT_FALSE(info.at("hostname").get<std::string>().empty());
      EXPECT_GT(info.at("startedAt").get<std::int64_t>(), 1'700'000'000'000);
      EXPECT_FALSE(info.contains("owner"));
      EXPECT_EQ(info.at("types"), id == 2 ? Json({"ask"}) : Json::array());
    }
    co_await stop();
  });
}

TEST_F(BuiltinHandlers, AreNotForUsersToChange) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_two();
    for (Service* const node : {caller_.get(), target_.get()}) {
      node->unregister_handler("$mesh.ping");
      node->register_fallback_handler(
          [](CallContext&, std::string_view) { return std::string("0"); });
    }
    using Odd = MeshService<MessageMap<Message<"$mesh.ping", void, Json>>>;
    Odd odd(co_await asio::this_coro::executor, key(), options());
    EXPECT_THROW(odd.register_handler<"$mesh.ping">([] { return Json(); }), std::invalid_argument);
    for (const InstanceId id : {1, 2}) {
      EXPECT_EQ(co_await ask(*caller_, id, "$mesh.ping"), id_of(id));
    }
    EXPECT_TRUE(target_->stats().handlers.empty());
    co_await stop();
  });
}

TEST_F(BuiltinHandlers, AnswerWhileTheNodeIsBusyAndWhileItDrains) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions one = options();
    one.limits.concurrent_handlers = 1;
    one.limits.queued_handlers = 0;
    one.stop_timeout = 60s;
    co_await start_two(std::move(one));
    bool may_end = false;
    bool is_running = false;
    target_->register_handler<"nothing">([&]() -> asio::awaitable<void> {
      is_running = true;
      EXPECT_TRUE(co_await eventually([&] { return may_end; }));
    });
    Outcome<void> call;
    caller_->invoke<"nothing">(2, {}, call.token());
    const auto runs = [&] { return is_running; };
    CO_ASSERT_TRUE(co_await eventually(runs));
    EXPECT_EQ(co_await ask(*caller_, 2, "$mesh.ping"), id_of(2));
    Outcome<void> stopped;
    target_->stop({.drain_timeout = 50s}, stopped.token());
    const auto is_unlisted = [&] { return !is_registered(2); };
    EXPECT_TRUE(co_await eventually(is_unlisted));
    EXPECT_EQ(co_await ask(*caller_, 2, "$mesh.ping"), id_of(2));
    const Json stats = co_await ask(*caller_, 2, "$mesh.stats");
    EXPECT_EQ(stats.at("handlersRunning"), 1);
    may_end = true;
    co_await call.get();
    co_await stopped.get();
    co_await stop();
  });
}

// Connections -------------------------------------------------------------------------------------

class ConnectionCallback : public MeshTest {};

TEST_F(ConnectionCallback, IsToldOfLossesAndReturnsOfARunningNode) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await make_node();
    std::vector<bool> told;
    node->set_connection_callback([&](bool connected) -> asio::awaitable<void> {
      told.push_back(connected);
      co_await sleep_for(1ms);
    });
    EXPECT_FALSE(node->is_connected());
    co_await node->start();
    EXPECT_TRUE(node->is_connected());
    EXPECT_TRUE(node->stats().connected);
    for (const char* const kind : {"normal", "pubsub"}) {
      const std::size_t before = told.size();
      kill_connections(kind);
      const auto is_back = [&] {
        return told.size() > before && told.back() && node->is_connected();
      };
      EXPECT_TRUE(co_await eventually(is_back)) << kind << ", told " << told.size();
    }
    co_await node->stop();
    EXPECT_FALSE(node->is_connected());
    for (std::size_t i = 0; i < told.size(); ++i) EXPECT_EQ(told[i], i % 2 == 1) << i;
    EXPECT_EQ(told.size() % 2, 0U) << "it was told of the end";
    const std::size_t in_all = told.size();
    co_await node->start();
    EXPECT_TRUE(node->is_connected());
    co_await node->stop();
    EXPECT_EQ(told.size(), in_all);
  });
}

TEST_F(ConnectionCallback, AnEmptyOneIsNeverCalledAndThrowingIsLogged) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    node->set_connection_callback([](bool) { throw std::runtime_error("no matter"); });
    kill_connections("normal");
    const auto is_logged = [&] { return log().count("no matter") >= 2; };
    EXPECT_TRUE(co_await eventually(is_logged)) << log().text();
    node->set_connection_callback(std::function<void(bool)>());
    const auto before = node->stats().reconnects;
    kill_connections("pubsub");
    const auto is_back = [&] { return node->stats().reconnects > before && node->is_connected(); };
    EXPECT_TRUE(co_await eventually(is_back));
    EXPECT_EQ(log().count("no matter"), 2U);
    co_await node->stop();
  });
}

}  // namespace
}  // namespace mesh::test
