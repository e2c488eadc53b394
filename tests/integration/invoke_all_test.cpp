#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/system/system_error.hpp>
#include <integration/support/mesh_test.hpp>
#include <integration/support/outcome.hpp>

namespace mesh::test {
namespace {

class InvokeAll : public MeshTest {
 protected:
  using Node = std::unique_ptr<Service>;
  using Answers = std::vector<Gathered<Text>>;

  MeshOptions slow_options() const {
    MeshOptions result = options();
    result.heartbeat_interval = std::chrono::minutes(10);
    result.node_ttl = std::chrono::minutes(20);
    return result;
  }

  template <typename Function>
  asio::awaitable<Node> start_server(Function function) {
    MeshOptions slow = slow_options();
    Node server = co_await make_node(std::move(slow));
    server->register_handler<"ask">(std::move(function));
    co_await server->start();
    co_return server;
  }
  asio::awaitable<Node> start_server() {
    const auto answer = [] { return text_of("here"); };
    co_return co_await start_server(answer);
  }
  asio::awaitable<Node> start_caller() {
    MeshOptions slow = slow_options();
    co_return co_await start_node(std::move(slow));
  }

  /// One whose handler waits until it is cancelled.
  asio::awaitable<Node> start_hanging_server() {
    const auto hang = [this](CallContext& call) -> asio::awaitable<Text> {
      ++begun_;
      const auto is_cancelled = [&call] { return call.is_cancelled(); };
      // It is cancelled as a coroutine, too, but must be seen to be told.
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      if (co_await eventually(is_cancelled)) ++cancelled_;
      co_return text_of("late");
    };
    co_return co_await start_server(hang);
  }

  static const Gathered<Text>* of(const Answers& answers, const Node& node) {
    for (const Gathered<Text>& answer : answers) {
      if (answer.node == node->instance_id()) return &answer;
    }
    return nullptr;
  }
  static bool is_given_up(const std::exception_ptr& error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const boost::system::system_error& given_up) {
      return given_up.code() == asio::error::operation_aborted;
    } catch (...) {
    }
    return false;
  }

  int begun_ = 0;
  int cancelled_ = 0;
};

TEST_F(InvokeAll, GathersOneResultOrErrorOfEachNode) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto failing = []() -> Text { throw std::runtime_error("no"); };
    const auto first = co_await start_server();
    const auto second = co_await start_server(failing);
    const auto caller = co_await start_caller();
    const Answers answers = co_await caller->invoke_all<"ask">();
    CO_ASSERT_TRUE(answers.size() == 2U);
    CO_ASSERT_TRUE(of(answers, first) != nullptr && of(answers, second) != nullptr);
    EXPECT_EQ(of(answers, first)->value.value().text, "here");
    EXPECT_FALSE(of(answers, first)->error);
    EXPECT_FALSE(of(answers, second)->value);
    EXPECT_THROW(std::rethrow_exception(of(answers, second)->error), MeshHandlerError);
    co_await first->stop();
    co_await second->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAll, GathersNothingWhereNobodyServesTheMessage) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_caller();
    const Answers answers = co_await caller->invoke_all<"ask">();
    EXPECT_TRUE(answers.empty());
    co_await caller->stop();
  });
}

TEST_F(InvokeAll, TakesThisNodeAsOneOfThemUnlessItIsToBeSkipped) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto first = co_await start_server();
    const auto second = co_await start_server();
    const Answers both = co_await first->invoke_all<"ask">();
    EXPECT_EQ(both.size(), 2U);
    AllOptions others;
    others.skip_self = true;
    const Answers one = co_await first->invoke_all<"ask">(others);
    CO_ASSERT_TRUE(one.size() == 1U);
    EXPECT_EQ(one.front().node, second->instance_id());
    co_await first->stop();
    co_await second->stop();
  });
}

TEST_F(InvokeAll, CallsOnlyNodesWithTheLabel) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions labelled = slow_options();
    labelled.info.labels = {{"zone", "a"}};
    const auto first = co_await make_node(labelled);
    first->register_handler<"nothing">([] {});
    co_await first->start();
    const auto second = co_await start_caller();
    second->register_handler<"nothing">([] {});
    const auto caller = co_await start_caller();
    AllOptions in_a;
    in_a.nodes = NodeFilter().with_label("zone", "a");
    const std::vector<Gathered<void>> answers = co_await caller->invoke_all<"nothing">(in_a);
    CO_ASSERT_TRUE(answers.size() == 1U);
    EXPECT_EQ(answers.front().node, first->instance_id());
    EXPECT_FALSE(answers.front().error);
    co_await first->stop();
    co_await second->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAll, GivesUpTheRestWhenEnoughHaveAnswered) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto hanging = co_await start_hanging_server();
    const auto first = co_await start_server();
    const auto second = co_await start_server();
    const auto caller = co_await start_caller();
    AllOptions two;
    two.enough = 2;
    const Answers answers = co_await caller->invoke_all<"ask">(two);
    CO_ASSERT_TRUE(answers.size() == 3U);
    EXPECT_TRUE(of(answers, first)->value && of(answers, second)->value);
    EXPECT_EQ(answers.back().node, hanging->instance_id());
    EXPECT_TRUE(is_given_up(answers.back().error));
    EXPECT_TRUE(co_await eventually([&] { return cancelled_ == begun_; }));
    for (const Node* node : {&hanging, &first, &second, &caller}) co_await (*node)->stop();
  });
}

TEST_F(InvokeAll, EndsAtItsDeadlineWithWhatHasCome) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto hanging = co_await start_hanging_server();
    const auto quick = co_await start_server();
    const auto caller = co_await start_caller();
    AllOptions bounded;
    bounded.deadline = 300ms;
    const Answers answers = co_await caller->invoke_all<"ask">(bounded);
    CO_ASSERT_TRUE(answers.size() == 2U);
    EXPECT_TRUE(of(answers, quick)->value);
    EXPECT_THROW(std::rethrow_exception(of(answers, hanging)->error), MeshDeadlineError);
    EXPECT_TRUE(co_await eventually([&] { return cancelled_ == 1; }));
    co_await hanging->stop();
    co_await quick->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAll, ANodeThatIsDeadEndsItsCallAtOnce) {
  run_coroutine([&]() -> asio::awaitable<void> {
    auto dead = co_await start_server();
    const auto alive = co_await start_server();
    const auto caller = co_await start_caller();
    const Answers before = co_await caller->invoke_all<"ask">();
    CO_ASSERT_TRUE(before.size() == 2U);
    const InstanceId dead_id = dead->instance_id();
    dead.reset();
    const Answers answers = co_await caller->invoke_all<"ask">();
    CO_ASSERT_TRUE(answers.size() == 2U);
    const Gathered<Text>& unreachable =
        answers.front().node == dead_id ? answers.front() : answers.back();
    EXPECT_EQ(unreachable.node, dead_id);
    EXPECT_THROW(std::rethrow_exception(unreachable.error), MeshNodeUnreachableError);
    EXPECT_TRUE(of(answers, alive)->value);
    co_await alive->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAll, ACancellationGivesUpAll) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto first = co_await start_hanging_server();
    const auto second = co_await start_hanging_server();
    const auto caller = co_await start_caller();
    asio::cancellation_signal signal;
    Outcome<Answers> outcome;
    caller->invoke_all<"ask">(AllOptions{},
                              asio::bind_cancellation_slot(signal.slot(), outcome.token()));
    EXPECT_TRUE(co_await eventually([&] { return begun_ == 2; }));
    signal.emit(asio::cancellation_type::total);
    EXPECT_THROW(co_await outcome.get(), boost::system::system_error);
    EXPECT_TRUE(co_await eventually([&] { return cancelled_ == 2; }));
    co_await first->stop();
    co_await second->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAll, IsCancelledWithItsParent) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto hanging = co_await start_hanging_server();
    const auto middle = co_await start_caller();
    Service& between = *middle;
    between.register_handler<"echo">([&between](CallContext& call, Text) -> asio::awaitable<Text> {
      AllOptions on_behalf;
      on_behalf.parent = &call;
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      co_await between.invoke_all<"ask">(on_behalf);
      co_return text_of("");
    });
    const auto caller = co_await start_caller();
    const Text text = text_of("x");
    const InvokeOptions short_lived{.deadline = 300ms};
    EXPECT_THROW(co_await caller->invoke<"echo">(middle->instance_id(), text, short_lived),
                 MeshDeadlineError);
    EXPECT_TRUE(co_await eventually([&] { return begun_ == 1 && cancelled_ == 1; }));
    co_await caller->stop();
    co_await middle->stop();
    co_await hanging->stop();
  });
}

TEST_F(InvokeAll, ResultsCanBeTakenOneByOne) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto hanging = co_await start_hanging_server();
    const auto quick = co_await start_server();
    const auto caller = co_await start_caller();
    auto gathering = caller->gather<"ask">();
    const auto first = co_await gathering.next();
    CO_ASSERT_TRUE(first.has_value());
    EXPECT_EQ(first->node, quick->instance_id());
    EXPECT_TRUE(first->value);
    gathering.cancel();
    const auto second = co_await gathering.next();
    CO_ASSERT_TRUE(second.has_value());
    EXPECT_TRUE(is_given_up(second->error));
    EXPECT_FALSE((co_await gathering.next()).has_value());
    EXPECT_FALSE((co_await gathering.next()).has_value());
    EXPECT_TRUE(co_await eventually([&] { return cancelled_ == begun_; }));
    co_await hanging->stop();
    co_await quick->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAll, WhatIsDroppedIsGivenUp) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto hanging = co_await start_hanging_server();
    const auto caller = co_await start_caller();
    {
      const auto gathering = caller->gather<"ask">();
      EXPECT_TRUE(co_await eventually([&] { return begun_ == 1; }));
    }
    EXPECT_TRUE(co_await eventually([&] { return cancelled_ == 1; }));
    co_await hanging->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAll, MayOutliveTheService) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto hanging = co_await start_hanging_server();
    auto caller = co_await start_caller();
    auto gathering = caller->gather<"ask">();
    auto other = caller->gather<"ask">();
    EXPECT_TRUE(co_await eventually([&] { return begun_ == 2; }));
    co_await caller->stop();
    const auto stopped = co_await gathering.next();
    CO_ASSERT_TRUE(stopped.has_value());
    EXPECT_THROW(std::rethrow_exception(stopped->error), MeshStoppedError);
    caller.reset();
    co_await sleep_for(1ms);
    EXPECT_THROW(co_await other.next(), MeshStoppedError);
    co_await hanging->stop();
  });
}

TEST_F(InvokeAll, SaysWhatKeptItFromBeginning) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await make_node();
    EXPECT_THROW(co_await caller->invoke_all<"ask">(), MeshNotRunningError);
    auto gathering = caller->gather<"ask">();
    EXPECT_THROW(co_await gathering.next(), MeshNotRunningError);
    EXPECT_THROW(co_await gathering.next(), MeshNotRunningError);
    const AllOptions wrong{.timeout = -1ms};
    EXPECT_THROW(co_await caller->invoke_all<"ask">(wrong), std::invalid_argument);
    Opaque opaque;
    EXPECT_THROW(co_await caller->invoke_all<"opaque">(opaque), MeshEncodeError);
  });
}

TEST_F(InvokeAll, WorksForNamesOfRunTime) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto server = co_await start_server();
    const auto caller = co_await start_caller();
    const std::string json = "null";
    const auto answers = co_await caller->invoke_all_raw("ask", json);
    CO_ASSERT_TRUE(answers.size() == 1U);
    EXPECT_EQ(answers.front().value, R"({"text":"here"})");
    co_await server->stop();
    co_await caller->stop();
  });
}

}  // namespace
}  // namespace mesh::test
