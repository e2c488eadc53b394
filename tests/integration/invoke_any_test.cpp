#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <integration/support/mesh_test.hpp>
#include <integration/support/outcome.hpp>

namespace mesh::test {
namespace {

class InvokeAny : public MeshTest {
 protected:
  using Node = std::unique_ptr<Service>;

  /// So slow that nothing but announcements and calls themselves can tell in time.
  MeshOptions slow_options() const {
    MeshOptions result = options();
    result.heartbeat_interval = std::chrono::minutes(10);
    result.node_ttl = std::chrono::minutes(20);
    return result;
  }

  /// One that answers "ask" with its id.
  asio::awaitable<Node> start_server(MeshOptions node_options) {
    auto server = co_await make_node(std::move(node_options));
    Service* const self = server.get();
    server->register_handler<"ask">(
        [self] { return text_of(std::to_string(self->instance_id())); });
    co_await server->start();
    co_return server;
  }
  asio::awaitable<Node> start_server() {
    MeshOptions slow = slow_options();
    co_return co_await start_server(std::move(slow));
  }

  static asio::awaitable<InstanceId> ask(Service& caller, AnyOptions any = {}) {
    const Text text = co_await caller.invoke_any<"ask">(any);
    co_return std::stoll(text.text);
  }

  static asio::awaitable<InstanceId> ask(Service& caller, const Route& route) {
    AnyOptions any;
    any.route = route;
    co_return co_await ask(caller, any);
  }
  static asio::awaitable<InstanceId> ask_with_attempts(Service& caller, int attempts) {
    AnyOptions any;
    any.attempts = attempts;
    co_return co_await ask(caller, any);
  }

  /// How often each node answered.
  static asio::awaitable<std::map<InstanceId, int>> ask_often(Service& caller, int count,
                                                              AnyOptions any = {}) {
    std::map<InstanceId, int> answers;
    for (int i = 0; i < count; ++i) ++answers[co_await ask(caller, any)];
    co_return answers;
  }

  static asio::awaitable<std::map<InstanceId, int>> ask_often(Service& caller, int count,
                                                              const Route& route) {
    AnyOptions any;
    any.route = route;
    co_return co_await ask_often(caller, count, any);
  }

  /// As if its process had been killed; on the list it stays.
  static void kill(Node& node) { node.reset(); }
};

TEST_F(InvokeAny, CallsOneNodeAfterTheOther) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const MeshOptions slow = slow_options();
    const auto bystander = co_await start_node(slow);
    const auto first = co_await start_server();
    const auto second = co_await start_server();
    const auto third = co_await start_server();
    const auto caller = co_await start_node(slow);
    const auto answers = co_await ask_often(*caller, 30);
    EXPECT_EQ(answers.size(), 3U);
    for (const Node* node : {&first, &second, &third}) {
      EXPECT_EQ(answers.at((*node)->instance_id()), 10);
    }
    for (const Node* node : {&bystander, &first, &second, &third, &caller}) {
      co_await (*node)->stop();
    }
  });
}

TEST_F(InvokeAny, KnowsAtOnceWhoJoinsLeavesAndServesAnythingElse) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const MeshOptions slow = slow_options();
    const auto first = co_await start_server();
    const auto caller = co_await start_node(slow);
    EXPECT_EQ(co_await ask(*caller), first->instance_id());
    const auto second = co_await start_server();
    const auto is_asked = [&](const Node& node) -> asio::awaitable<bool> {
      const auto deadline = SteadyClock::now() + 20s;
      const InstanceId id = node->instance_id();
      while (SteadyClock::now() < deadline) {
        if (co_await ask(*caller) == id) co_return true;
      }
      co_return false;
    };
    EXPECT_TRUE(co_await is_asked(second));
    first->unregister_handler<"ask">();
    const auto answers = co_await ask_often(*caller, 20);
    EXPECT_EQ(answers.at(second->instance_id()), 20);
    co_await second->stop();
    const auto is_no_node = [&]() -> asio::awaitable<bool> {
      try {
        co_await ask(*caller);
      } catch (const MeshNoNodeError& error) {
        EXPECT_EQ(error.type(), "ask");
        EXPECT_EQ(error.executed(), Executed::no);
        co_return true;
      } catch (const MeshError&) {
        co_return false;
      }
      co_return false;
    };
    const auto deadline = SteadyClock::now() + 20s;
    bool is_known = false;
    while (!is_known && SteadyClock::now() < deadline) is_known = co_await is_no_node();
    EXPECT_TRUE(is_known);
    co_await first->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAny, MayCallTheNodeItselfUnlessItIsToBeSkipped) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto first = co_await start_server();
    const auto second = co_await start_server();
    const auto answers = co_await ask_often(*second, 20);
    EXPECT_EQ(answers.at(first->instance_id()), 10);
    EXPECT_EQ(answers.at(second->instance_id()), 10);
    AnyOptions not_here;
    not_here.skip_self = true;
    const auto others = co_await ask_often(*second, 10, not_here);
    EXPECT_EQ(others.at(first->instance_id()), 10);
    co_await first->stop();
    // What it tells itself does not go over Redis.
    const auto published = calls_of("publish") + calls_of("spublish");
    const auto alone = co_await ask_often(*second, 10);
    EXPECT_EQ(alone.at(second->instance_id()), 10);
    // The leader may publish its pulse.
    EXPECT_LT(calls_of("publish") + calls_of("spublish"), published + 10);
    co_await second->stop();
  });
}

TEST_F(InvokeAny, SaysThatNobodyServesAMessage) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    try {
      co_await ask(*caller);
      ADD_FAILURE() << "somebody answered";
    } catch (const MeshNoNodeError& error) {
      EXPECT_EQ(std::string(error.what()),
                "none of the 1 nodes that are known has a handler for \"ask\", and the labels that "
                "were asked for, if any");
    }
    co_await caller->stop();
  });
}

TEST_F(InvokeAny, WaitsForANodeIfAskedTo) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const MeshOptions slow = slow_options();
    const auto caller = co_await start_node(slow);
    Outcome<Text> answer;
    AnyOptions patient;
    patient.wait_for_node = true;
    caller->invoke_any<"ask">(patient, answer.token());
    patient.timeout = 100ms;
    EXPECT_THROW(co_await ask(*caller, patient), MeshNoNodeError);
    EXPECT_FALSE(answer.done());
    const auto server = co_await start_server();
    const Text text = co_await answer.get();
    EXPECT_EQ(text.text, std::to_string(server->instance_id()));
    co_await server->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAny, CallsOnlyNodesWithTheLabel) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions labelled = slow_options();
    labelled.info.labels = {{"zone", "a"}, {"disk", "fast"}};
    const auto first = co_await start_server(labelled);
    labelled.info.labels = {{"zone", "b"}, {"disk", "fast"}};
    const auto second = co_await start_server(labelled);
    const auto third = co_await start_server();
    const MeshOptions slow = slow_options();
    const auto caller = co_await start_node(slow);
    const Route in_a = Route::round_robin().with_label("zone", "a");
    const auto of_a = co_await ask_often(*caller, 5, in_a);
    EXPECT_EQ(of_a.at(first->instance_id()), 5);
    const Route fast = Route::round_robin().with_label("disk", "fast");
    const auto of_fast = co_await ask_often(*caller, 6, fast);
    EXPECT_EQ(of_fast.at(first->instance_id()), 3);
    EXPECT_EQ(of_fast.at(second->instance_id()), 3);
    const Route nowhere = in_a.with_label("zone", "b");
    EXPECT_THROW(co_await ask(*caller, nowhere), MeshNoNodeError);
    for (const Node* node : {&first, &second, &third, &caller}) co_await (*node)->stop();
  });
}

TEST_F(InvokeAny, CallersAgreeOnTheNodeOfAKey) {
  run_coroutine([&]() -> asio::awaitable<void> {
    std::vector<Node> servers;
    for (int i = 0; i < 4; ++i) servers.push_back(co_await start_server());
    const MeshOptions slow = slow_options();
    const auto first = co_await start_node(slow);
    const auto second = co_await start_node(slow);
    std::map<InstanceId, int> answers;
    for (int i = 0; i < 40; ++i) {
      const Route route = Route::by_key("user:" + std::to_string(i));
      const InstanceId id = co_await ask(*first, route);
      EXPECT_EQ(co_await ask(*second, route), id);
      EXPECT_EQ(co_await ask(*first, route), id);
      ++answers[id];
    }
    EXPECT_EQ(answers.size(), 4U);
    for (const Node& server : servers) co_await server->stop();
    co_await first->stop();
    co_await second->stop();
  });
}

TEST_F(InvokeAny, CallsAnotherNodeAtOnceIfOneIsDead) {
  run_coroutine([&]() -> asio::awaitable<void> {
    auto dead = co_await start_server();
    const auto alive = co_await start_server();
    const MeshOptions slow = slow_options();
    const auto caller = co_await start_node(slow);
    for (const Route route : {Route::round_robin(), Route::by_key("x"), Route::by_key("y")}) {
      co_await ask(*caller, route);
    }
    kill(dead);
    for (int i = 0; i < 20; ++i) {
      const Route route = Route::by_key(std::to_string(i));
      EXPECT_EQ(co_await ask(*caller, route), alive->instance_id());
    }
    EXPECT_GE(caller->stats().calls_rerouted, 1U);
    EXPECT_LE(caller->stats().calls_rerouted, 20U);
    co_await alive->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAny, PassesOverANodeThatHasFailed) {
  run_coroutine([&]() -> asio::awaitable<void> {
    auto dead = co_await start_server();
    const auto alive = co_await start_server();
    const MeshOptions slow = slow_options();
    const auto caller = co_await start_node(slow);
    co_await ask(*caller);
    kill(dead);
    const auto begin = SteadyClock::now();
    const auto answers = co_await ask_often(*caller, 20);
    const auto seconds = (SteadyClock::now() - begin) / 1s;
    EXPECT_EQ(answers.at(alive->instance_id()), 20);
    EXPECT_LE(caller->stats().calls_rerouted, 1U + static_cast<std::uint64_t>(seconds));
    co_await alive->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAny, IsNotRepeatedWhereAHandlerMayHaveRun) {
  run_coroutine([&]() -> asio::awaitable<void> {
    int runs = 0;
    const auto failing = [&runs]() -> Text {
      ++runs;
      throw std::runtime_error("no");
    };
    const MeshOptions slow = slow_options();
    const auto first = co_await make_node(slow);
    const auto second = co_await make_node(slow);
    first->register_handler<"ask">(failing);
    second->register_handler<"ask">(failing);
    co_await first->start();
    co_await second->start();
    const auto caller = co_await start_node(slow);
    EXPECT_THROW(co_await ask(*caller), MeshHandlerError);
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(caller->stats().calls_rerouted, 0U);
    co_await first->stop();
    co_await second->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAny, MakesNoMoreAttemptsThanItMay) {
  run_coroutine([&]() -> asio::awaitable<void> {
    auto first = co_await start_server();
    auto second = co_await start_server();
    auto third = co_await start_server();
    MeshOptions quick = slow_options();
    quick.redis.reconnect_max_delay = 200ms;
    const auto caller = co_await start_node(quick);
    co_await ask(*caller);
    kill(first);
    kill(second);
    kill(third);
    EXPECT_THROW(co_await ask_with_attempts(*caller, 2), MeshNodeUnreachableError);
    EXPECT_EQ(caller->stats().calls_rerouted, 1U);
    EXPECT_THROW(co_await ask_with_attempts(*caller, 9), MeshNodeUnreachableError);
    EXPECT_EQ(caller->stats().calls_rerouted, 3U);
    EXPECT_THROW(co_await ask_with_attempts(*caller, 0), std::invalid_argument);
    co_await caller->stop();
  });
}

TEST_F(InvokeAny, GivesASlowNodeLessIfTheRouteIsLeastPending) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const MeshOptions slow = slow_options();
    std::map<InstanceId, int> begun;
    std::vector<Node> servers;
    bool is_released = false;
    for (int i = 0; i < 3; ++i) {
      servers.push_back(co_await make_node(slow));
      Service* const self = servers.back().get();
      const bool is_slow = i == 0;
      self->register_handler<"ask">([&, self, is_slow]() -> asio::awaitable<Text> {
        ++begun[self->instance_id()];
        const auto released = [&] { return is_released; };
        if (is_slow) co_await eventually(released);
        co_return text_of("");
      });
      co_await self->start();
    }
    const auto caller = co_await start_node(slow);
    const AnyOptions least{.route = Route::least_pending()};
    int ended = 0;
    const InstanceId slow_id = servers.front()->instance_id();
    for (int i = 0; i < 60; ++i) {
      caller->invoke_any<"ask">(least, [&](const std::exception_ptr& error, const Text&) {
        EXPECT_FALSE(error);
        ++ended;
      });
      const auto have_ended = [&] { return ended + begun[slow_id] >= i + 1; };
      CO_ASSERT_TRUE(co_await eventually(have_ended));
    }
    EXPECT_EQ(begun[slow_id], 1) << "it always had more to do than the others";
    is_released = true;
    EXPECT_TRUE(co_await eventually([&] { return ended == 60; }));
    for (const Node& server : servers) co_await server->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAny, CostsNoCommandBesidesThoseOfACall) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions idle = slow_options();
    idle.leader.ttl = std::chrono::hours(3);
    idle.leader.renewal_interval = std::chrono::hours(1);
    idle.leader.retry_delay = std::chrono::hours(1);
    const auto first = co_await start_server(idle);
    const auto second = co_await start_server(idle);
    const auto caller = co_await start_node(idle);
    co_await ask_often(*caller, 2);
    const auto others = [this] {
      return calls_of("evalsha") + calls_of("get") + calls_of("zrangebyscore") + calls_of("hget");
    };
    const auto before = others();
    co_await ask_often(*caller, 50);
    EXPECT_EQ(others(), before);
    co_await first->stop();
    co_await second->stop();
    co_await caller->stop();
  });
}

TEST_F(InvokeAny, WorksForNamesOfRunTime) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto server = co_await start_server();
    const MeshOptions slow = slow_options();
    const auto caller = co_await start_node(slow);
    const std::string json = "null";
    const std::string reply = co_await caller->invoke_any_raw("ask", json);
    EXPECT_NE(reply.find(std::to_string(server->instance_id())), std::string::npos);
    EXPECT_THROW(co_await caller->invoke_any_raw("nobody's", json), MeshNoNodeError);
    co_await server->stop();
    co_await caller->stop();
  });
}

}  // namespace
}  // namespace mesh::test
