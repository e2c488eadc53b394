#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/strand.hpp>
#include <integration/support/mesh_test.hpp>
#include <integration/support/outcome.hpp>

namespace mesh::test {
namespace {

class LocalInvoke : public MeshTest {};

/// No MeshError, and recognizable as one particular object.
struct PrivateError {
  std::shared_ptr<int> identity;
};

TEST_F(LocalInvoke, CallsTheOwnHandler) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    node->register_handler<"echo">([](Text request) { return request; });
    int told = 0;
    auto tell = [&](const Text& /*request*/) -> asio::awaitable<void> {
      co_await sleep_for(1ms);
      ++told;
    };
    node->register_handler<"tell">(tell);
    node->register_handler<"nothing">([&] { ++told; });
    const Text request = text_of("to myself");
    const Text reply = co_await node->invoke<"echo">(node->instance_id(), request);
    EXPECT_EQ(reply.text, "to myself");
    EXPECT_EQ(request.text, "to myself");
    co_await node->invoke<"tell">(1, request);
    co_await node->invoke<"nothing">(1);
    EXPECT_EQ(told, 2);
    co_await node->stop();
  });
}

TEST_F(LocalInvoke, SerializesNothing) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    node->register_handler<"opaque">([](Opaque request) {
      request.content += " and back \xff";
      return request;
    });
    Opaque request;
    request.content = "there";
    const Opaque reply = co_await node->invoke<"opaque">(1, request);
    EXPECT_EQ(reply.content, "there and back \xff");
    co_await expect_error<MeshEncodeError>(node->invoke<"opaque">(2, request));
    co_await node->stop();
  });
}

TEST_F(LocalInvoke, PublishesNothing) {
  occupy_leadership();  // a leader publishes at each cleanup
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    node->register_handler<"echo">([](Text request) { return request; });
    const Text request = text_of("x");
    const std::string publish = on_cluster() ? "spublish" : "publish";
    const auto published = calls_of(publish);
    for (int i = 0; i < 10; ++i) co_await node->invoke<"echo">(1, request);
    EXPECT_EQ(calls_of(publish), published);
    co_await expect_error<MeshNodeUnreachableError>(node->invoke<"echo">(2, request));
    EXPECT_EQ(calls_of(publish), published + 1);
    co_await node->stop();
  });
}

TEST_F(LocalInvoke, PassesTheOriginalExceptionThrough) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto identity = std::make_shared<int>(7);
    auto plain = [&]() -> Text { throw PrivateError{identity}; };
    auto coroutine = [&]() -> asio::awaitable<Text> {
      co_await sleep_for(1ms);
      throw PrivateError{identity};
    };
    for (int form = 0; form < 2; ++form) {
      if (form == 0) {
        node->register_handler<"ask">(plain);
      } else {
        node->register_handler<"ask">(coroutine);
      }
      std::shared_ptr<int> caught;
      try {
        co_await node->invoke<"ask">(1);
      } catch (const PrivateError& error) {
        caught = error.identity;
      }
      EXPECT_EQ(caught, identity);
    }
    co_await node->stop();
  });
}

TEST_F(LocalInvoke, KnowsNoTimeout) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions node_options = options();
    node_options.request_timeout = 20ms;
    const auto node = co_await start_node(node_options);
    auto slow = [](Text request) -> asio::awaitable<Text> {
      co_await sleep_for(500ms);
      co_return request;
    };
    node->register_handler<"echo">(slow);
    const Text request = text_of("late");
    const Text by_default = co_await node->invoke<"echo">(1, request);
    EXPECT_EQ(by_default.text, "late");
    const Text by_call = co_await node->invoke<"echo">(1, request, {.timeout = 1ms});
    EXPECT_EQ(by_call.text, "late");
    co_await node->stop();
  });
}

TEST_F(LocalInvoke, WithoutHandlerFails) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const Text request = text_of("x");
    const auto error = co_await expect_error<MeshNoHandlerError>(node->invoke<"echo">(1, request));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->type(), "echo");
    co_await expect_error<MeshNoHandlerError>(node->invoke<"nothing">(1));
    co_await node->stop();
  });
}

TEST_F(LocalInvoke, IsNotCountedAsARemoteCall) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    node->register_handler<"nothing">([] {});
    co_await node->invoke<"nothing">(1);
    const MeshStats stats = node->stats();
    EXPECT_EQ(stats.calls_sent, 0U);
    EXPECT_EQ(stats.calls_succeeded, 0U);
    EXPECT_EQ(stats.requests_received, 0U);
    co_await node->stop();
  });
}

TEST_F(LocalInvoke, UsesTheHandlerOfTheMomentOfTheCall) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    bool entered = false;
    bool released = false;
    auto first = [&]() -> asio::awaitable<Text> {
      entered = true;
      co_await eventually([&] { return released; });
      co_return text_of("first");
    };
    node->register_handler<"ask">(first);
    Outcome<Text> outcome;
    node->invoke<"ask">(1, {}, outcome.token());
    CO_ASSERT_TRUE(co_await eventually([&] { return entered; }));
    node->register_handler<"ask">([] { return text_of("second"); });
    const Text second = co_await node->invoke<"ask">(1);
    EXPECT_EQ(second.text, "second");
    released = true;
    const Text reply = co_await outcome.get();
    EXPECT_EQ(reply.text, "first");
    co_await node->stop();
  });
}

TEST_F(LocalInvoke, ReadsTheRequestBeforeItReturns) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto other = co_await start_node();
    for (Service* target : {node.get(), other.get()}) {
      target->register_handler<"echo">([](Text request) { return request; });
      Text request = text_of("as it was");
      Outcome<Text> outcome;
      node->invoke<"echo">(target->instance_id(), request, {}, outcome.token());
      request.text = "changed";
      const Text reply = co_await outcome.get();
      EXPECT_EQ(reply.text, "as it was");
    }
    co_await other->stop();
    co_await node->stop();
  });
}

TEST_F(LocalInvoke, IsOverAfterStop) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    node->register_handler<"nothing">([] {});
    co_await node->stop();
    co_await expect_error<MeshNotRunningError>(node->invoke<"nothing">(1));
    co_await expect_error<MeshNotRunningError>(node->invoke<"nothing">(0));
  });
}

TEST_F(LocalInvoke, EndsOnceWhenTheServiceStopsMeanwhile) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    bool entered = false;
    auto slow = [&]() -> asio::awaitable<void> {
      entered = true;
      co_await sleep_for(300ms);
    };
    node->register_handler<"nothing">(slow);
    Outcome<void> outcome;
    node->invoke<"nothing">(1, {}, outcome.token());
    CO_ASSERT_TRUE(co_await eventually([&] { return entered; }));
    co_await node->stop();
    EXPECT_TRUE(co_await eventually([&] { return outcome.done(); }));
  });
}

TEST_F(LocalInvoke, SurvivesTheDestructionOfTheService) {
  run_coroutine([&]() -> asio::awaitable<void> {
    auto node = co_await start_node();
    bool entered = false;
    auto state = std::make_shared<std::string>("intact");
    auto slow = [&entered, state]() -> asio::awaitable<Text> {
      entered = true;
      co_await sleep_for(100ms);
      co_return text_of(*state);
    };
    node->register_handler<"ask">(slow);
    Outcome<Text> outcome;
    node->invoke<"ask">(1, {}, outcome.token());
    CO_ASSERT_TRUE(co_await eventually([&] { return entered; }));
    node.reset();
    EXPECT_TRUE(co_await eventually([&] { return outcome.done(); }));
  });
}

}  // namespace
}  // namespace mesh::test
