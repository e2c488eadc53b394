#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/thread_pool.hpp>
#include <integration/support/few_nodes_test.hpp>
#include <mesh/errors.hpp>
#include <mesh/tracing.hpp>
#include <support/span_recorder.hpp>

namespace mesh::test {
namespace {

/// Nodes whose spans all go to one recorder.
class Tracing : public FewNodesTest {
 protected:
  MeshOptions traced_options() {
    MeshOptions traced = options();
    traced.interceptors = {std::make_shared<TracingInterceptor>(spans_)};
    return traced;
  }
  asio::awaitable<std::unique_ptr<Service>> start_traced() {
    MeshOptions traced = traced_options();
    co_return co_await start_node(std::move(traced));
  }
  /// With ids 1, 2 and 3.
  asio::awaitable<void> start_three() {
    caller_ = co_await start_traced();
    middle_ = co_await start_traced();
    target_ = co_await start_traced();
  }

  std::vector<RecordedSpan> spans() const { return spans_->spans(); }
  /// A handler's span ends when its response may be here already.
  asio::awaitable<bool> all_ended() {
    co_return co_await eventually([this] { return spans_->open() == 0; });
  }
  /// That each of the spans in order is a child of the one before, the first one of none.
  void expect_chain(const std::vector<RecordedSpan>& chain) {
    for (std::size_t i = 0; i < chain.size(); ++i) {
      EXPECT_EQ(chain[i].kind, i % 2 == 0 ? SpanKind::client : SpanKind::server) << i;
      EXPECT_EQ(chain[i].outcome, "ok") << i;
      EXPECT_TRUE(i == 0 || chain[i].is_child_of(chain[i - 1])) << i;
    }
    EXPECT_FALSE(chain.front().parent);
  }

  std::shared_ptr<SpanRecorder> spans_ = std::make_shared<SpanRecorder>();
};

TEST_F(Tracing, ACallOverThreeNodesIsOneTrace) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_three();
    middle_->register_handler<"ask">([&](CallContext& call) -> asio::awaitable<Text> {
      const Text text = text_of("x");
      const InvokeOptions child{.parent = &call};
      co_return co_await middle_->invoke<"echo">(3, text, child);
    });
    target_->register_handler<"echo">([](Text text) { return text; });
    co_await caller_->invoke<"ask">(2);
    CO_ASSERT_TRUE(co_await all_ended());
    const auto all = spans();
    CO_ASSERT_TRUE(all.size() == 4);
    expect_chain(all);
    EXPECT_EQ(all[0].type, "ask");
    EXPECT_EQ(all[0].node, 2);
    EXPECT_EQ(all[1].type, "ask");
    EXPECT_EQ(all[1].node, 1);
    EXPECT_EQ(all[2].type, "echo");
    EXPECT_EQ(all[2].node, 3);
    EXPECT_EQ(all[3].type, "echo");
    EXPECT_EQ(all[3].node, 2);
    for (const RecordedSpan& span : all) EXPECT_FALSE(span.is_local);
    co_await stop();
  });
}

TEST_F(Tracing, CallsOnBehalfOfAHandlerAreChildrenOfItsSpanWhoeverMakesThem) {
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_traced();
    middle_ = co_await start_node();  // it has no interceptor
    target_ = co_await start_traced();
    target_->register_handler<"echo">([](Text text) { return text; });
    target_->register_handler<"ask">([&](CallContext& call) -> asio::awaitable<Text> {
      const Text text = text_of("x");
      const InvokeOptions child{.parent = &call};
      co_await middle_->invoke<"echo">(3, text, child);
      co_return co_await caller_->invoke<"echo">(3, text, child);
    });
    co_await caller_->invoke<"ask">(3);
    CO_ASSERT_TRUE(co_await all_ended());
    const auto all = spans();
    CO_ASSERT_TRUE(all.size() == 5);
    EXPECT_EQ(all[2].kind, SpanKind::server);  // for the node without an interceptor
    EXPECT_TRUE(all[2].is_child_of(all[1]));
    EXPECT_EQ(all[3].kind, SpanKind::client);
    EXPECT_TRUE(all[3].is_child_of(all[1]));
    EXPECT_TRUE(all[4].is_child_of(all[3]));
    co_await stop();
  });
}

TEST_F(Tracing, CallsToTheOwnNodeHaveSpans) {
  run_coroutine([&]() -> asio::awaitable<void> {
    target_ = co_await start_traced();
    target_->register_handler<"echo">([](Text text) { return text; });
    target_->register_handler<"ask">([&](CallContext& call) -> asio::awaitable<Text> {
      const Text text = text_of("x");
      const InvokeOptions child{.parent = &call};
      co_return co_await target_->invoke<"echo">(1, text, child);
    });
    co_await target_->invoke<"ask">(1);
    CO_ASSERT_TRUE(co_await all_ended());
    const auto all = spans();
    CO_ASSERT_TRUE(all.size() == 4);
    expect_chain(all);
    for (const RecordedSpan& span : all) {
      EXPECT_TRUE(span.is_local);
      EXPECT_EQ(span.node, 1);
    }
    co_await stop();
  });
}

TEST_F(Tracing, ContinuesWhatIsInTheHeadersAndSendsItsFlagsAndStateOn) {
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_traced();
    target_ = co_await start_traced();
    target_->register_handler<"nothing">([] {});
    TraceContext own = TraceContext::make(std::nullopt);
    own.flags = 0;
    own.state = "a=1";
    Headers headers;
    own.put_into(headers);
    const InvokeOptions traced{.headers = &headers};
    co_await caller_->invoke<"nothing">(2, traced);
    headers["traceparent"] = "malformed";
    co_await caller_->invoke<"nothing">(2, traced);
    CO_ASSERT_TRUE(co_await all_ended());
    const auto all = spans();
    CO_ASSERT_TRUE(all.size() == 4);
    EXPECT_EQ(all[0].parent, own);
    EXPECT_EQ(all[1].parent, all[0].context);
    EXPECT_FALSE(all[1].context.is_sampled());
    EXPECT_EQ(all[1].context.state, "a=1");
    EXPECT_FALSE(all[2].parent);
    EXPECT_TRUE(all[2].context.is_sampled());
    EXPECT_EQ(all[3].parent, all[2].context);
    co_await stop();
  });
}

TEST_F(Tracing, WithoutAParentEachCallIsATrace) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_three();
    target_->register_handler<"nothing">([] {});
    middle_->register_handler<"nothing">(
        [&]() -> asio::awaitable<void> { co_await middle_->invoke<"nothing">(3); });
    co_await caller_->invoke<"nothing">(2);
    CO_ASSERT_TRUE(co_await all_ended());
    const auto all = spans();
    CO_ASSERT_TRUE(all.size() == 4);
    EXPECT_FALSE(all[2].parent);
    EXPECT_NE(all[2].context.trace_id, all[0].context.trace_id);
    EXPECT_TRUE(all[3].is_child_of(all[2]));
    co_await stop();
  });
}

/// Refuses what it is asked to.
class Refuser : public Interceptor {
 public:
  void before_call(CallStart& /*call*/) override {
    if (refuses_calls) throw std::runtime_error("no calls today");
  }
  void before_handler(const CallContext& /*call*/) override {
    if (refuses_handlers) throw std::runtime_error("no entry");
  }

  bool refuses_calls = false;
  bool refuses_handlers = false;
};

TEST_F(Tracing, ErrorsAndRefusalsEndTheirSpans) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto at_caller = std::make_shared<Refuser>();
    const auto at_target = std::make_shared<Refuser>();
    MeshOptions caller_options = traced_options();
    caller_options.interceptors.push_back(at_caller);
    MeshOptions target_options = traced_options();
    target_options.interceptors.push_back(at_target);
    caller_ = co_await start_node(std::move(caller_options));
    target_ = co_await start_node(std::move(target_options));
    target_->register_handler<"nothing">([] { throw std::runtime_error("out of nothing"); });
    target_->register_handler<"ask">([] { return Text(); });

    std::vector<std::string> expected;
    const auto expect_spans = [&](std::vector<std::string> outcomes) {
      expected.insert(expected.end(), outcomes.begin(), outcomes.end());
      std::vector<std::string> found;
      for (const RecordedSpan& span : spans()) found.push_back(span.outcome.value_or("runs"));
      EXPECT_EQ(found, expected);
    };
    for (Service* const node : {caller_.get(), target_.get()}) {
      try {
        co_await node->invoke<"nothing">(2);
      } catch (const std::runtime_error&) {
        // As it was thrown, or as the caller is told of it.
      }
      CO_ASSERT_TRUE(co_await all_ended());
      expect_spans({"out of nothing", "out of nothing"});
      const Text text;
      const auto missing = co_await expect_error<MeshNoHandlerError>(node->invoke<"echo">(2, text));
      CO_ASSERT_TRUE(missing);
      expect_spans({missing->what()});
      at_target->refuses_handlers = true;
      co_await expect_error<MeshRefusedError>(node->invoke<"ask">(2));
      at_target->refuses_handlers = false;
      CO_ASSERT_TRUE(co_await all_ended());
      expect_spans({"no entry", "no entry"});
    }
    const auto gone = co_await expect_error<MeshNodeUnreachableError>(caller_->invoke<"ask">(77));
    CO_ASSERT_TRUE(gone);
    expect_spans({gone->what()});
    at_caller->refuses_calls = true;
    co_await expect_error<MeshRefusedError>(caller_->invoke<"ask">(2));
    expect_spans({"no calls today"});
    co_await stop();
    EXPECT_EQ(spans_->alive(), 0U);
  });
}

TEST_F(Tracing, CancelledCallsEndTheirSpans) {
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_traced();
    target_ = co_await start_traced();
    target_->register_handler<"nothing">([]() -> asio::awaitable<void> { co_await sleep_for(1h); });
    for (Service* const node : {caller_.get(), target_.get()}) {
      const std::size_t before = spans().size();
      asio::cancellation_signal signal;
      std::atomic<bool> has_ended{false};
      const auto note_end = [&](const std::exception_ptr& error) {
        EXPECT_TRUE(error);
        has_ended = true;
      };
      node->invoke<"nothing">(2, {}, asio::bind_cancellation_slot(signal.slot(), note_end));
      CO_ASSERT_TRUE(co_await eventually([&] { return spans().size() == before + 2; }));
      signal.emit(asio::cancellation_type::terminal);
      CO_ASSERT_TRUE(co_await eventually([&] { return has_ended.load(); }));
      CO_ASSERT_TRUE(co_await all_ended());
      const auto all = spans();
      EXPECT_NE(all[before].outcome->find("Operation canceled"), std::string::npos) << all[before];
      EXPECT_NE(all[before + 1].outcome, "ok");
    }
    co_await stop();
  });
}

TEST_F(Tracing, NoSpanIsLeftOpenAfterStop) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_three();
    std::vector<CallContext> contexts;
    target_->register_handler<"nothing">([&](CallContext& call) -> asio::awaitable<void> {
      contexts.push_back(call);
      co_await sleep_for(1h);
    });
    middle_->register_handler<"nothing">([&](CallContext& call) -> asio::awaitable<void> {
      const InvokeOptions child{.parent = &call};
      co_await middle_->invoke<"nothing">(3, child);
    });
    constexpr std::size_t calls = 20;
    std::atomic<std::size_t> ended{0};
    for (std::size_t i = 0; i < calls; ++i) {
      caller_->invoke<"nothing">(2, {}, [&](const std::exception_ptr&) { ++ended; });
    }
    CO_ASSERT_TRUE(co_await eventually([&] { return contexts.size() == calls; }));
    EXPECT_EQ(spans_->open(), 4 * calls);
    const StopOptions at_once{.drain_timeout = 0ms};
    for (Service* const node : {middle_.get(), caller_.get(), target_.get()}) {
      co_await node->stop(at_once);
    }
    CO_ASSERT_TRUE(co_await eventually([&] { return ended == calls; }));
    CO_ASSERT_TRUE(co_await all_ended());
    // Also where a context is kept, only what the trace is remains of its span.
    EXPECT_TRUE(co_await eventually([&] { return spans_->alive() == 0; }));
    EXPECT_TRUE(TraceContext::from(contexts.front().trace()));
    for (const RecordedSpan& span : spans()) EXPECT_NE(span.outcome, "ok") << span;
    co_await stop();
  });
}

TEST_F(Tracing, NoSpanOutlivesADestroyedServiceAndItsCalls) {
  run_coroutine([&]() -> asio::awaitable<void> {
    caller_ = co_await start_traced();
    target_ = co_await start_traced();
    target_->register_handler<"nothing">([]() -> asio::awaitable<void> { co_await sleep_for(1h); });
    std::atomic<int> ended{0};
    const auto note_end = [&](const std::exception_ptr& error) {
      EXPECT_TRUE(error);
      ++ended;
    };
    caller_->invoke<"nothing">(2, {}, note_end);
    target_->invoke<"nothing">(1, {}, note_end);
    CO_ASSERT_TRUE(co_await eventually([&] { return spans().size() == 3 && ended == 1; }));
    {
      // Never begun, and so never ended.
      const auto unused = caller_->invoke<"nothing">(2);
      EXPECT_EQ(spans_->alive(), 3U);
    }
    EXPECT_EQ(spans_->alive(), 2U);
    target_.reset();
    caller_.reset();
    CO_ASSERT_TRUE(co_await eventually([&] { return ended == 2; }));
    EXPECT_TRUE(co_await eventually([&] { return spans_->alive() == 0; }));
  });
}

TEST_F(Tracing, SpansOfManyThreadsStayApart) {
  asio::thread_pool pool(4);
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions traced = traced_options();
    Service node(pool.get_executor(), key(), traced);
    Service other(pool.get_executor(), key(), traced);
    other.register_handler<"echo">([](Text text) { return text; });
    node.register_handler<"echo">([&](CallContext& call, Text text) -> asio::awaitable<Text> {
      const InvokeOptions child{.parent = &call};
      const InstanceId target = text.text == "here" ? node.instance_id() : other.instance_id();
      if (text.text == "here") text.text = "there";
      co_return co_await node.invoke<"echo">(target, text, child);
    });
    co_await node.start();
    co_await other.start();
    constexpr int calls = 200;
    std::atomic<int> ended{0};
    const Text text = text_of("here");
    for (int i = 0; i < calls; ++i) {
      other.invoke<"echo">(node.instance_id(), text, {},
                           [&](const std::exception_ptr& error, const Text&) {
                             EXPECT_FALSE(error);
                             ++ended;
                           });
    }
    CO_ASSERT_TRUE(co_await eventually([&] { return ended == calls; }));
    CO_ASSERT_TRUE(co_await all_ended());
    // Of each trace six spans, each a child of another one.
    const auto all = spans();
    EXPECT_EQ(all.size(), std::size_t{6} * calls);
    std::map<std::array<std::uint8_t, 16>, std::vector<RecordedSpan>> traces;
    for (const RecordedSpan& span : all) traces[span.context.trace_id].push_back(span);
    EXPECT_EQ(traces.size(), static_cast<std::size_t>(calls));
    for (const auto& [id, trace] : traces) {
      expect_chain(trace);
      if (HasFailure()) break;
    }
    co_await node.stop();
    co_await other.stop();
  });
  pool.join();
}

}  // namespace
}  // namespace mesh::test
