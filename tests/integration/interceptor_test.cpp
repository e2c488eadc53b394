#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/thread_pool.hpp>
#include <integration/support/few_nodes_test.hpp>
#include <integration/support/out_of_time.hpp>
#include <mesh/errors.hpp>
#include <mesh/interceptor.hpp>

namespace mesh::test {
namespace {

using Steps = std::vector<std::string>;

std::string text_of_error(const std::exception_ptr& error) {
  if (!error) return "ok";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
}

/// What recorders write down, in the order in which they do.
class Journal {
 public:
  void note(std::string step) {
    const std::lock_guard lock(mutex_);
    steps_.push_back(std::move(step));
  }
  Steps take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(steps_, {});
  }

 private:
  std::mutex mutex_;
  Steps steps_;
};

/// Writes down what it is told of, and refuses what it is asked to.
class Recorder : public Interceptor {
 public:
  explicit Recorder(std::string name,
                    std::shared_ptr<Journal> journal = std::make_shared<Journal>())
      : name_(std::move(name)), journal_(std::move(journal)) {}

  void before_call(CallStart& call) override {
    note("call " + std::string(call.type) + (call.is_local ? " here" : ""));
    if (refuses_calls) throw std::runtime_error("not today");
    if (adds_header) call.headers["trace"] = "from " + name_;
  }
  void after_call(const CallEnd& call) override {
    note("called: " + text_of_error(call.error));
    if (call.duration < std::chrono::nanoseconds(0)) note("ended before it began");
    if (fails_after) throw std::runtime_error("after_call failed");
  }
  void before_handler(const CallContext& call) override {
    const auto trace = call.headers().find("trace");
    note("handle " + call.type() + " for " + std::to_string(call.sender()) +
         (trace == call.headers().end() ? "" : " " + trace->second));
    if (refuses_handlers) throw MeshRefusedError("no entry", Refusal::limit);
  }
  void after_handler(const CallContext& call, const HandlerEnd& end) override {
    note("handled " + call.type() + ": " + text_of_error(end.error));
    if (fails_after) throw std::runtime_error("after_handler failed");
  }

  Steps take() { return journal_->take(); }

  bool refuses_calls = false;
  bool refuses_handlers = false;
  bool adds_header = false;
  bool fails_after = false;

 private:
  void note(const std::string& step) { journal_->note(name_.empty() ? step : name_ + ": " + step); }

  std::string name_;
  std::shared_ptr<Journal> journal_;
};

class Interceptors : public FewNodesTest {
 protected:
  /// Node 1 calls, node 2 is called; each has a recorder.
  asio::awaitable<void> start_recorded() {
    MeshOptions caller_options = options();
    caller_options.interceptors = {at_caller_};
    MeshOptions target_options = options();
    target_options.interceptors = {at_target_};
    caller_ = co_await start_node(std::move(caller_options));
    target_ = co_await start_node(std::move(target_options));
    target_->register_handler<"echo">([](Text text) { return text; });
    target_->register_handler<"ask">([]() -> asio::awaitable<Text> {
      throw std::runtime_error("out of answers");
      co_return Text{};
    });
  }

  void make_target_slow() {
    target_->register_handler<"echo">([](Text text) -> asio::awaitable<Text> {
      co_await sleep_for(30s);
      co_return text;
    });
  }

  std::shared_ptr<Recorder> at_caller_ = std::make_shared<Recorder>("");
  std::shared_ptr<Recorder> at_target_ = std::make_shared<Recorder>("");
};

template <typename Error>
asio::awaitable<std::string> refused(asio::awaitable<Text> call, Executed executed) {
  std::string text = "no error";
  try {
    co_await std::move(call);
  } catch (const Error& error) {
    EXPECT_EQ(error.executed(), executed);
    text = error.what();
  }
  co_return text;
}

TEST_F(Interceptors, AreToldOfCallsAndHandlersAndAddHeaders) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_recorded();
    at_caller_->adds_header = true;
    const Text request = text_of("x");
    co_await caller_->invoke<"echo">(2, request);
    EXPECT_EQ(at_caller_->take(), (Steps{"call echo", "called: ok"}));
    EXPECT_EQ(at_target_->take(), (Steps{"handle echo for 1 from ", "handled echo: ok"}));
    const auto failed =
        co_await refused<MeshHandlerError>(caller_->invoke<"ask">(2), Executed::yes);
    EXPECT_EQ(failed, "out of answers");
    EXPECT_EQ(at_caller_->take(), (Steps{"call ask", "called: out of answers"}));
    EXPECT_EQ(at_target_->take(), (Steps{"handle ask for 1 from ", "handled ask: out of answers"}));
    co_await stop();
  });
}

TEST_F(Interceptors, AreToldOfLocalCallsAndTheirHandlers) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_recorded();
    at_target_->adds_header = true;
    const Text request = text_of("x");
    const Text reply = co_await target_->invoke<"echo">(2, request);
    EXPECT_EQ(reply.text, "x");
    EXPECT_EQ(at_target_->take(), (Steps{"call echo here", "handle echo for 2 from ",
                                         "handled echo: ok", "called: ok"}));
    bool has_failed = false;
    try {
      co_await target_->invoke<"ask">(2);
    } catch (const std::runtime_error&) {
      has_failed = true;
    }
    EXPECT_TRUE(has_failed);
    EXPECT_EQ(at_target_->take(), (Steps{"call ask here", "handle ask for 2 from ",
                                         "handled ask: out of answers", "called: out of answers"}));
    co_await stop();
  });
}

/// Knows on which thread local calls end.
class EndWatch : public Interceptor {
 public:
  void after_call(const CallEnd& /*call*/) override { ended_on_ = std::this_thread::get_id(); }
  std::thread::id ended_on() const { return ended_on_; }

 private:
  std::atomic<std::thread::id> ended_on_{};
};

TEST_F(Interceptors, HearOfTheEndOfALocalCallWhereItsHandlerRan) {
  asio::thread_pool pool(1);
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto watch = std::make_shared<EndWatch>();
    MeshOptions watched = options();
    watched.interceptors = {watch};
    Service node(pool.get_executor(), key(), watched);
    std::atomic<std::thread::id> ran_on{};
    node.register_handler<"nothing">([&] { ran_on = std::this_thread::get_id(); });
    node.register_handler<"ask">([&]() -> asio::awaitable<Text> {
      ran_on = std::this_thread::get_id();
      co_return Text{};
    });
    co_await node.start();
    co_await node.invoke<"nothing">(node.instance_id());
    EXPECT_NE(ran_on.load(), std::this_thread::get_id());
    EXPECT_EQ(watch->ended_on(), ran_on.load());
    co_await node.invoke<"ask">(node.instance_id());
    EXPECT_EQ(watch->ended_on(), ran_on.load());
    // Of one that does not begin they hear where its caller is.
    const Text text;
    co_await expect_error<MeshNoHandlerError>(node.invoke<"echo">(node.instance_id(), text));
    EXPECT_EQ(watch->ended_on(), std::this_thread::get_id());
    co_await node.stop();
  });
  pool.join();
}

TEST_F(Interceptors, RefuseCallsBeforeTheyLeave) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_recorded();
    at_caller_->refuses_calls = true;
    const Text request = text_of("x");
    const auto text =
        co_await refused<MeshRefusedError>(caller_->invoke<"echo">(2, request), Executed::no);
    EXPECT_EQ(text, "not today");
    EXPECT_EQ(at_caller_->take(), (Steps{"call echo"}));
    EXPECT_EQ(at_target_->take(), Steps{});
    EXPECT_EQ(caller_->stats().calls_sent, 0U);
    co_await stop();
  });
}

TEST_F(Interceptors, RefuseRequestsBeforeTheirHandlersRun) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_recorded();
    at_target_->refuses_handlers = true;
    const Text request = text_of("x");
    for (Service* const node : {caller_.get(), target_.get()}) {
      const auto text =
          co_await refused<MeshRefusedError>(node->invoke<"echo">(2, request), Executed::no);
      EXPECT_EQ(text, "no entry");
      const auto other = co_await refused<MeshRefusedError>(node->invoke<"ask">(2), Executed::no);
      EXPECT_EQ(other, "no entry");
    }
    for (const std::string& step : at_target_->take()) {
      EXPECT_EQ(step.find("handled"), std::string::npos) << step;
    }
    co_await stop();
  });
}

TEST_F(Interceptors, AreToldOfEndsInTheReverseOrderAndOnlyIfTheyHadAgreed) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto journal = std::make_shared<Journal>();
    const auto refusing = std::make_shared<Recorder>("inner", journal);
    MeshOptions caller_options = options();
    caller_options.interceptors = {std::make_shared<Recorder>("outer", journal), refusing};
    caller_ = co_await start_node(std::move(caller_options));
    const Text request = text_of("x");
    co_await refused<MeshNodeUnreachableError>(caller_->invoke<"echo">(77, request), Executed::no);
    const std::string nobody =
        "request \"echo\" to node 77 reached nobody: no node listens under "
        "that id";
    EXPECT_EQ(journal->take(), (Steps{"outer: call echo", "inner: call echo",
                                      "inner: called: " + nobody, "outer: called: " + nobody}));
    refusing->refuses_calls = true;
    co_await refused<MeshRefusedError>(caller_->invoke<"echo">(77, request), Executed::no);
    EXPECT_EQ(journal->take(),
              (Steps{"outer: call echo", "inner: call echo", "outer: called: not today"}));
    co_await stop();
  });
}

TEST_F(Interceptors, EncloseOneAnotherAroundHandlersToo) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto journal = std::make_shared<Journal>();
    const auto refusing = std::make_shared<Recorder>("inner", journal);
    MeshOptions target_options = options();
    target_options.interceptors = {std::make_shared<Recorder>("outer", journal), refusing};
    target_ = co_await start_node(std::move(target_options));
    caller_ = co_await start_node(options());
    target_->register_handler<"echo">([](Text text) { return text; });
    const Text request = text_of("x");
    co_await caller_->invoke<"echo">(1, request);
    EXPECT_EQ(journal->take(), (Steps{"outer: handle echo for 2", "inner: handle echo for 2",
                                      "inner: handled echo: ok", "outer: handled echo: ok"}));
    refusing->refuses_handlers = true;
    co_await refused<MeshRefusedError>(caller_->invoke<"echo">(1, request), Executed::no);
    EXPECT_EQ(journal->take(), (Steps{"outer: handle echo for 2", "inner: handle echo for 2",
                                      "outer: handled echo: no entry"}));
    co_await stop();
  });
}

TEST_F(Interceptors, AreToldOfResponsesThatDoNotFit) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_recorded();
    target_->register_handler(
        "ask", [](CallContext&, std::string_view) { return std::string(R"({"text":5})"); });
    const auto text = co_await refused<MeshDecodeError>(caller_->invoke<"ask">(2), Executed::yes);
    EXPECT_EQ(at_caller_->take(), (Steps{"call ask", "called: " + text}));
    EXPECT_EQ(at_target_->take(), (Steps{"handle ask for 1", "handled ask: ok"}));
    co_await stop();
  });
}

TEST_F(Interceptors, DoNoHarmByThrowingAfterwards) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_recorded();
    at_caller_->fails_after = true;
    at_target_->fails_after = true;
    const Text request = text_of("x");
    const Text reply = co_await caller_->invoke<"echo">(2, request);
    EXPECT_EQ(reply.text, "x");
    EXPECT_EQ(log().count("an interceptor failed: after_call failed"), 1U);
    EXPECT_EQ(log().count("an interceptor failed: after_handler failed"), 1U);
    co_await stop();
  });
}

TEST_F(Interceptors, AreToldOfTimeoutsAndOfWhatFailsBeforeItLeaves) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_recorded();
    make_target_slow();
    const Text request = text_of("x");
    const auto call_for = [&](std::chrono::milliseconds time) {
      at_caller_->take();
      return caller_->invoke<"echo">(2, request, InvokeOptions{.deadline = time});
    };
    const auto late = co_await out_of_time<MeshDeadlineError>(call_for);
    CO_ASSERT_TRUE(late);
    EXPECT_EQ(at_caller_->take(), (Steps{"call echo", std::string("called: ") + late->what()}));
    const Text no_text{"\xff"};
    const auto unsent =
        co_await refused<MeshEncodeError>(caller_->invoke<"echo">(2, no_text), Executed::no);
    EXPECT_EQ(at_caller_->take(), (Steps{"call echo", "called: " + unsent}));
    co_await stop();
  });
}

/// As the one of a tracer does: begins a trace only where there is none.
class TraceBeginner : public Interceptor {
 public:
  void before_call(CallStart& call) override {
    call.headers.try_emplace("traceparent", "new");
    deadline = call.deadline;
  }

  std::optional<std::chrono::steady_clock::time_point> deadline;
};

TEST_F(Interceptors, SeeTheTraceAndTheDeadlineThatACallHasFromItsParent) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto beginner = std::make_shared<TraceBeginner>();
    MeshOptions target_options = options();
    target_options.interceptors = {beginner};
    co_await start_two(std::move(target_options));
    caller_->register_handler<"echo">([](CallContext& call, Text text) {
      text.text = call.headers().at("traceparent");
      return text;
    });
    target_->register_handler<"echo">([&](CallContext& call, Text text) -> asio::awaitable<Text> {
      const bool is_traced = text.text == "traced";
      const InvokeOptions child{.parent = is_traced ? &call : nullptr};
      co_return co_await target_->invoke<"echo">(1, text, child);
    });
    const Headers headers{{"traceparent", "old"}};
    const Text traced = text_of("traced");
    const InvokeOptions with_trace{.deadline = 20s, .headers = &headers};
    const Text kept = co_await caller_->invoke<"echo">(2, traced, with_trace);
    EXPECT_EQ(kept.text, "old");
    EXPECT_TRUE(beginner->deadline.has_value());
    const Text untraced = text_of("untraced");
    const Text begun = co_await caller_->invoke<"echo">(2, untraced);
    EXPECT_EQ(begun.text, "new");
    EXPECT_FALSE(beginner->deadline.has_value());
    co_await stop();
  });
}

TEST_F(Interceptors, AreToldOfCancelledCalls) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_recorded();
    make_target_slow();
    const Text request = text_of("x");
    for (Service* const node : {caller_.get(), target_.get()}) {
      const auto recorder = node == caller_.get() ? at_caller_ : at_target_;
      recorder->take();
      asio::cancellation_signal signal;
      std::atomic<bool> has_ended{false};
      node->invoke<"echo">(2, request, {},
                           asio::bind_cancellation_slot(
                               signal.slot(), [&](const std::exception_ptr& error, const Text&) {
                                 EXPECT_TRUE(error);
                                 has_ended = true;
                               }));
      signal.emit(asio::cancellation_type::terminal);
      CO_ASSERT_TRUE(co_await eventually([&] { return has_ended.load(); }));
      const Steps steps = recorder->take();
      const auto is_end = [](const std::string& step) {
        return step.starts_with("called: ") && step.find("Operation canceled") != std::string::npos;
      };
      EXPECT_EQ(std::ranges::count_if(steps, is_end), 1);
    }
    co_await stop();
  });
}

TEST_F(Interceptors, AreToldOfRawAndFallbackHandlers) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_recorded();
    const auto same = [](CallContext&, std::string_view json) { return std::string(json); };
    target_->register_handler("raw", same);
    target_->register_fallback_handler(same);
    const std::string json = "1";
    co_await caller_->invoke_raw(2, "raw", json);
    EXPECT_EQ(at_target_->take(), (Steps{"handle raw for 1", "handled raw: ok"}));
    co_await target_->invoke_raw(2, "other", json);
    EXPECT_EQ(at_target_->take(),
              (Steps{"call other here", "handle other for 2", "handled other: ok", "called: ok"}));
    co_await stop();
  });
}

TEST(InterceptorOptions, MustNotHoldNull) {
  MeshOptions options;
  options.interceptors = {nullptr};
  EXPECT_THROW(options.validate(), std::invalid_argument);
}

}  // namespace
}  // namespace mesh::test
