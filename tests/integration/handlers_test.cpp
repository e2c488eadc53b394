#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <integration/support/mesh_test.hpp>
#include <integration/support/outcome.hpp>
#include <integration/support/raw_peer.hpp>

namespace mesh::test {
namespace {

/// A caller with id 1 and a target with id 2.
struct Pair {
  std::unique_ptr<Service> caller;
  std::unique_ptr<Service> target;

  asio::awaitable<void> stop() const {
    co_await target->stop();
    co_await caller->stop();
  }

  asio::awaitable<std::string> echo(std::string content) const {
    const Text request = text_of(std::move(content));
    const Text reply = co_await caller->invoke<"echo">(2, request);
    co_return reply.text;
  }
};

class Handlers : public MeshTest {
 protected:
  asio::awaitable<std::unique_ptr<Pair>> start_pair() {
    auto pair = std::make_unique<Pair>();
    pair->caller = co_await start_node();
    pair->target = co_await start_node();
    co_return pair;
  }
};

TEST_F(Handlers, MayBeRegisteredBeforeStart) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto caller = co_await start_node();
    const auto target = co_await make_node();
    target->register_handler<"ask">([] { return text_of("early"); });
    co_await target->start();
    const Text reply = co_await caller->invoke<"ask">(2);
    EXPECT_EQ(reply.text, "early");
    co_await target->stop();
    co_await caller->stop();
  });
}

TEST_F(Handlers, MayBeRegisteredAfterStart) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto pair = co_await start_pair();
    co_await expect_error<MeshNoHandlerError>(pair->caller->invoke<"ask">(2));
    pair->target->register_handler<"ask">([] { return text_of("late"); });
    const Text reply = co_await pair->caller->invoke<"ask">(2);
    EXPECT_EQ(reply.text, "late");
    co_await pair->stop();
  });
}

TEST_F(Handlers, StayRegisteredOverARestart) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto pair = co_await start_pair();
    pair->target->register_handler<"ask">([] { return text_of("still here"); });
    co_await pair->target->stop();
    co_await pair->target->start();
    const Text reply = co_await pair->caller->invoke<"ask">(3);
    EXPECT_EQ(reply.text, "still here");
    co_await pair->stop();
  });
}

TEST_F(Handlers, ALaterOneReplacesAnEarlierOne) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto pair = co_await start_pair();
    pair->target->register_handler<"ask">([] { return text_of("first"); });
    const Text first = co_await pair->caller->invoke<"ask">(2);
    EXPECT_EQ(first.text, "first");
    pair->target->register_handler<"ask">([] { return text_of("second"); });
    const Text second = co_await pair->caller->invoke<"ask">(2);
    EXPECT_EQ(second.text, "second");
    co_await pair->stop();
  });
}

TEST_F(Handlers, OneReplacedWhileItRunsFinishesItsCalls) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto pair = co_await start_pair();
    bool entered = false;
    bool released = false;
    auto state = std::make_shared<std::string>("the old one");
    const std::weak_ptr<std::string> watched = state;
    auto old = [&, state = std::move(state)]() -> asio::awaitable<Text> {
      entered = true;
      co_await eventually([&] { return released; });
      co_return text_of(*state);
    };
    pair->target->register_handler<"ask">(std::move(old));
    Outcome<Text> outcome;
    pair->caller->invoke<"ask">(2, {}, outcome.token());
    CO_ASSERT_TRUE(co_await eventually([&] { return entered; }));
    pair->target->register_handler<"ask">([] { return text_of("the new one"); });
    const Text second = co_await pair->caller->invoke<"ask">(2);
    EXPECT_EQ(second.text, "the new one");
    EXPECT_FALSE(outcome.done());
    released = true;
    const Text first = co_await outcome.get();
    EXPECT_EQ(first.text, "the old one");
    EXPECT_TRUE(co_await eventually([&] { return watched.expired(); }));
    co_await pair->stop();
  });
}

TEST_F(Handlers, ComeInManyForms) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto pair = co_await start_pair();
    Service& node = *pair->target;

    node.register_handler<"echo">([](const Text& text) { return text_of(text.text + " plain"); });
    EXPECT_EQ(co_await pair->echo("a"), "a plain");

    node.register_handler<"echo">([](Text text) -> asio::awaitable<Text> {
      text.text += " coroutine";
      co_return text;
    });
    EXPECT_EQ(co_await pair->echo("b"), "b coroutine");

    node.register_handler<"echo">([](const Text& text) -> asio::awaitable<Text> {
      co_await sleep_for(1ms);
      co_return text_of(text.text + " by reference");
    });
    EXPECT_EQ(co_await pair->echo("c"), "c by reference");

    int calls = 0;
    node.register_handler<"echo">([calls](Text text) mutable {
      text.text += std::to_string(++calls);
      return text;
    });
    co_await pair->echo("");
    EXPECT_EQ(co_await pair->echo("calls: "), "calls: 2");

    auto owned = std::make_unique<std::string>(" move-only");
    auto move_only = [owned = std::move(owned)](const Text& text) {
      return text_of(text.text + *owned);
    };
    node.register_handler<"echo">(std::move(move_only));
    EXPECT_EQ(co_await pair->echo("d"), "d move-only");

    std::function<Text(Text)> function = [](Text text) { return text_of(text.text + " function"); };
    node.register_handler<"echo">(function);
    EXPECT_EQ(co_await pair->echo("e"), "e function");
    co_await pair->stop();
  });
}

TEST_F(Handlers, TakeAndReturnNothingWhereTheMessageSaysSo) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto pair = co_await start_pair();
    int runs = 0;
    std::vector<std::string> told;
    Service& node = *pair->target;
    node.register_handler<"nothing">([&] { ++runs; });
    co_await pair->caller->invoke<"nothing">(2);
    EXPECT_EQ(runs, 1);
    auto coroutine = [&]() -> asio::awaitable<void> {
      co_await sleep_for(1ms);
      ++runs;
    };
    node.register_handler<"nothing">(coroutine);
    co_await pair->caller->invoke<"nothing">(2);
    EXPECT_EQ(runs, 2);

    const Text request = text_of("news");
    node.register_handler<"tell">([&](const Text& text) { told.push_back(text.text); });
    co_await pair->caller->invoke<"tell">(2, request);
    auto tell = [&](Text text) -> asio::awaitable<void> {
      told.push_back(text.text);
      co_return;
    };
    node.register_handler<"tell">(tell);
    co_await pair->caller->invoke<"tell">(2, request);
    EXPECT_EQ(told, (std::vector<std::string>{"news", "news"}));

    auto ask = []() -> asio::awaitable<Text> { co_return text_of("answer"); };
    node.register_handler<"ask">(ask);
    const Text reply = co_await pair->caller->invoke<"ask">(2);
    EXPECT_EQ(reply.text, "answer");
    co_await pair->stop();
  });
}

TEST_F(Handlers, ErrorsOfEachFormReachTheCaller) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto pair = co_await start_pair();
    pair->target->register_handler<"nothing">([] { throw std::runtime_error("plain"); });
    auto error = co_await expect_error<MeshHandlerError>(pair->caller->invoke<"nothing">(2));
    CO_ASSERT_TRUE(error);
    EXPECT_STREQ(error->what(), "plain");
    auto coroutine = []() -> asio::awaitable<void> {
      co_await sleep_for(1ms);
      throw std::runtime_error("coroutine");
    };
    pair->target->register_handler<"nothing">(coroutine);
    error = co_await expect_error<MeshHandlerError>(pair->caller->invoke<"nothing">(2));
    CO_ASSERT_TRUE(error);
    EXPECT_STREQ(error->what(), "coroutine");
    co_await pair->stop();
  });
}

TEST_F(Handlers, RunOnTheServicesExecutorOneAtATimeIfThatIsAStrand) {
  RunOptions run_options;
  run_options.threads = 4;
  run_coroutine(
      [&](asio::io_context& context) -> asio::awaitable<void> {
        const auto strand = asio::make_strand(context);
        const MeshOptions node_options = options();
        Service node(strand, key(), node_options);
        const auto caller = co_await start_node();
        int wrong_place = 0;
        int runs = 0;  // unguarded: the sanitizers would tell
        node.register_handler<"nothing">([&] {
          ++runs;
          if (!strand.running_in_this_thread()) ++wrong_place;
        });
        auto coroutine = [&]() -> asio::awaitable<Text> {
          if (!strand.running_in_this_thread()) ++wrong_place;
          co_await sleep_for(1ms);
          if (!strand.running_in_this_thread()) ++wrong_place;
          ++runs;
          co_return text_of("");
        };
        node.register_handler<"ask">(coroutine);
        co_await node.start();
        const InstanceId id = node.instance_id();
        std::vector<Outcome<void>> plain(50);
        std::vector<Outcome<Text>> coroutines(50);
        for (std::size_t i = 0; i < 50; ++i) {
          caller->invoke<"nothing">(id, {}, plain[i].token());
          caller->invoke<"ask">(id, {}, coroutines[i].token());
        }
        for (std::size_t i = 0; i < 50; ++i) {
          co_await plain[i].get();
          co_await coroutines[i].get();
        }
        co_await node.stop();
        EXPECT_EQ(runs, 100);
        EXPECT_EQ(wrong_place, 0);
        co_await caller->stop();
      },
      run_options);
}

TEST_F(Handlers, OfSeveralCallersRunSideBySide) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto pair = co_await start_pair();
    int running = 0;
    auto meet = [&]() -> asio::awaitable<void> {
      ++running;
      EXPECT_TRUE(co_await eventually([&] { return running == 10; }));
    };
    pair->target->register_handler<"nothing">(meet);
    std::vector<Outcome<void>> outcomes(10);
    for (Outcome<void>& outcome : outcomes) pair->caller->invoke<"nothing">(2, {}, outcome.token());
    for (Outcome<void>& outcome : outcomes) co_await outcome.get();
    co_await pair->stop();
  });
}

// Payloads that do not fit ------------------------------------------------------------------------

TEST_F(Handlers, AnUndecodableRequestNamesTypeAndField) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto pair = co_await start_pair();
    int runs = 0;
    pair->target->register_handler<"order">([&](Order order) {
      ++runs;
      return order;
    });
    RawPeer peer(redis().options(), "test:mesh:" + key(), 777);
    struct Case {
      const char* data;
      const char* field;
    };
    const std::vector<Case> cases{
        {R"({"items":[{"name":"a","price":1},{"name":"b","price":"dear"}]})", "/items/1/price"},
        {R"({"items":[{"name":"a"}]})", "/items/0/price"},
        {R"({"items":[{"name":7,"price":1}]})", "/items/0/name"},
        {R"({"items":7})", "/items"},
        {R"({})", "/items"},
    };
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const Json data = Json::parse(cases[i].data);
      peer.send(2, peer.request("id-" + std::to_string(i), "order", data, 30000));
      const Json answer = co_await peer.message(i);
      CO_ASSERT_TRUE(answer.contains("error"));
      const std::string error = answer.at("error");
      EXPECT_NE(error.find("\"order\""), std::string::npos) << error;
      EXPECT_NE(error.find(std::string(cases[i].field) + ":"), std::string::npos)
          << error << " for " << cases[i].data;
    }
    EXPECT_EQ(runs, 0);
    co_await pair->stop();
  });
}

using WrongMessages = MessageMap<Message<"order", Json, Json>>;

TEST_F(Handlers, TheCallerOfAnUndecodableRequestGetsAHandlerError) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto pair = co_await start_pair();
    pair->target->register_handler<"order">([](Order order) { return order; });
    const auto executor = co_await asio::this_coro::executor;
    const MeshOptions node_options = options();
    MeshService<WrongMessages> stranger(executor, key(), node_options);
    co_await stranger.start();
    const Json request = Json::parse(R"({"items":[{"name":"a","price":null}]})");
    const auto error =
        co_await expect_error<MeshHandlerError>(stranger.invoke<"order">(2, request));
    CO_ASSERT_TRUE(error);
    const std::string what = error->what();
    EXPECT_NE(what.find("order"), std::string::npos) << what;
    EXPECT_NE(what.find("/items/0/price"), std::string::npos) << what;
    co_await stranger.stop();
    co_await pair->stop();
  });
}

TEST_F(Handlers, AResponseThatCannotBeEncodedIsAHandlerError) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto pair = co_await start_pair();
    pair->target->register_handler<"ask">([] { return text_of("\xff is not UTF-8"); });
    const auto error = co_await expect_error<MeshHandlerError>(pair->caller->invoke<"ask">(2));
    CO_ASSERT_TRUE(error);
    EXPECT_NE(std::string(error->what()).find("ask"), std::string::npos) << error->what();
    co_await pair->stop();
  });
}

}  // namespace
}  // namespace mesh::test
