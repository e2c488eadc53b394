#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/support/out_of_time.hpp>
#include <interop/mesh_pair.hpp>

// C++ nodes and nodes of the Node.js peer in one mesh, each calling the other.

namespace mesh::test {
namespace {

const std::vector<Json>& awkward_values() {
  static const std::vector<Json> values{
      nullptr,
      true,
      false,
      0,
      -1,
      1.5,
      9007199254740991,
      -9007199254740991,
      1e300,
      5e-324,
      "",
      "text",
      "\"quoted\" \\ / \b\f\n\r\t",
      std::string("zero\0byte", 9),
      "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x80\xa8\xe2\x80\xa9\xef\xbf\xbd",
      Json::array(),
      Json::object(),
      Json::parse(R"([1,[2,[3,[4,{"a":{"b":[null,"x"]}}]]]])"),
      Json::parse(R"({"":1," ":2,"__proto__x":3,"heartbeat":true,"reply":true,"error":"e"})"),
      std::string(100000, 'x')};
  return values;
}

TEST(Interop, CppCallsNodeJs) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    const AddRequest add{2, 3};
    const AddReply sum = co_await mesh.cpp.service.invoke<"add">(mesh.js.id(), add);
    EXPECT_EQ(sum.sum, 5);
    const WhoAmI who = co_await mesh.cpp.service.invoke<"whoami">(mesh.js.id());
    EXPECT_EQ(who.instanceId, mesh.js.id());
    for (const Json& value : awkward_values()) {
      const Json answer = co_await mesh.cpp.service.invoke<"echo">(mesh.js.id(), value);
      EXPECT_EQ(answer, value);
    }
    co_await mesh.stop();
  });
}

TEST(Interop, NodeJsCallsCpp) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    const Json add{{"a", 2}, {"b", 3}};
    const Json sum = co_await mesh.js.invoke(mesh.cpp_id(), "add", add);
    EXPECT_EQ(sum, Json({{"sum", 5}}));
    const Json who = co_await mesh.js.invoke(mesh.cpp_id(), "whoami", nullptr);
    EXPECT_EQ(who.at("instanceId"), mesh.cpp_id());
    for (const Json& value : awkward_values()) {
      const Json answer = co_await mesh.js.invoke(mesh.cpp_id(), "echo", value);
      EXPECT_EQ(answer, value);
    }
    co_await mesh.stop();
  });
}

TEST(Interop, AReplyWithoutDataIsNull) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    const Json from_js = co_await mesh.cpp.service.invoke<"noReply">(mesh.js.id());
    EXPECT_EQ(from_js, nullptr);
    const Json from_cpp = co_await mesh.js.invoke(mesh.cpp_id(), "noReply", nullptr);
    EXPECT_EQ(from_cpp, nullptr);
    co_await mesh.stop();
  });
}

TEST(Interop, AFailingHandlerGivesTheCallerItsMessage) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    for (const std::string text : {"boom", "", "\xe2\x82\xac \"x\"\n"}) {
      const FailRequest request{text};
      const auto in_cpp = co_await expect_error<MeshHandlerError>(
          mesh.cpp.service.invoke<"fail">(mesh.js.id(), request));
      CO_ASSERT_TRUE(in_cpp);
      EXPECT_EQ(in_cpp->what(), text);
      const Json data{{"message", text}};
      const auto in_js =
          co_await expect_error<PeerError>(mesh.js.invoke(mesh.cpp_id(), "fail", data));
      CO_ASSERT_TRUE(in_js);
      EXPECT_EQ(in_js->name(), "MeshHandlerError");
      EXPECT_EQ(in_js->what(), text);
    }
    co_await mesh.stop();
  });
}

TEST(Interop, ATypeWithoutHandlerIsNoHandler) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    const auto in_cpp = co_await expect_error<MeshNoHandlerError>(
        mesh.cpp.service.invoke<"missing">(mesh.js.id(), nullptr));
    CO_ASSERT_TRUE(in_cpp);
    EXPECT_EQ(in_cpp->type(), "missing");
    const auto in_js =
        co_await expect_error<PeerError>(mesh.js.invoke(mesh.cpp_id(), "missing", nullptr));
    CO_ASSERT_TRUE(in_js);
    EXPECT_EQ(in_js->name(), "MeshNoHandlerError");
    EXPECT_NE(std::string(in_js->what()).find("missing"), std::string::npos);
    co_await mesh.stop();
  });
}

TEST(Interop, DataThatDoesNotFitTheCppHandlerNamesTypeAndField) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    const Json data{{"a", 1}, {"b", "two"}};
    const auto error = co_await expect_error<PeerError>(mesh.js.invoke(mesh.cpp_id(), "add", data));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->name(), "MeshHandlerError");
    EXPECT_NE(std::string(error->what()).find("add"), std::string::npos) << error->what();
    EXPECT_NE(std::string(error->what()).find("/b"), std::string::npos) << error->what();
    co_await mesh.stop();
  });
}

/// Calls "slow" both ways at once, each for three times the timeout.
asio::awaitable<void> expect_slow_calls_succeed(Pair& mesh, InvokeOptions options) {
  const SlowRequest slow{6000};
  const Json js_slow{{"ms", 6000}};
  std::optional<Json> js_answer;
  std::string js_error;
  auto js_call = [&]() -> asio::awaitable<void> {
    try {
      std::optional<std::chrono::milliseconds> timeout;
      if (options.timeout != 0ms) timeout = options.timeout;
      js_answer = co_await mesh.js.invoke(mesh.cpp_id(), "slow", js_slow, timeout);
    } catch (const PeerError& error) {
      js_error = error.name() + ": " + error.what();
    }
  };
  asio::co_spawn(co_await asio::this_coro::executor, js_call, asio::detached);
  const SlowReply answer = co_await mesh.cpp.service.invoke<"slow">(mesh.js.id(), slow, options);
  EXPECT_EQ(answer.sleptMs, 6000);
  EXPECT_TRUE(co_await eventually([&] { return js_answer || !js_error.empty(); }));
  EXPECT_EQ(js_error, "");
  EXPECT_EQ(js_answer, Json({{"sleptMs", 6000}}));
}

TEST(Interop, ASlowHandlerKeepsItsCallerWaiting) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    co_await expect_slow_calls_succeed(mesh, {.timeout = 2s});
    co_await mesh.stop();
  });
}

TEST(Interop, HeartbeatsFollowTheCallersTimeoutNotTheHandlers) {
  run_coroutine([]() -> asio::awaitable<void> {
    Tuning hasty;
    hasty.request_timeout = 2s;
    Tuning patient;
    patient.request_timeout = 10min;
    Pair hasty_cpp(co_await asio::this_coro::executor, hasty, patient);
    co_await hasty_cpp.start();
    const SlowRequest slow{6000};
    const SlowReply answer = co_await hasty_cpp.cpp.service.invoke<"slow">(hasty_cpp.js.id(), slow);
    EXPECT_EQ(answer.sleptMs, 6000);
    co_await hasty_cpp.stop();

    Pair hasty_js(co_await asio::this_coro::executor, patient, hasty);
    co_await hasty_js.start();
    const Json js_slow{{"ms", 6000}};
    const Json js_answer = co_await hasty_js.js.invoke(hasty_js.cpp_id(), "slow", js_slow);
    EXPECT_EQ(js_answer, Json({{"sleptMs", 6000}}));
    co_await hasty_js.stop();
  });
}

TEST(Interop, AFrozenNodeJsNodeIsATimeout) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    mesh.js.peer().process().pause();
    const Json data = "anybody there?";
    const auto call_for = [&](std::chrono::milliseconds time) {
      return mesh.cpp.service.invoke<"echo">(mesh.js.id(), data, InvokeOptions{.timeout = time});
    };
    const auto error = co_await out_of_time<MeshRequestTimeoutError>(call_for);
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->instance_id(), mesh.js.id());
    EXPECT_EQ(error->type(), "echo");
    mesh.js.peer().process().resume();
    const Json answer = co_await mesh.cpp.service.invoke<"echo">(mesh.js.id(), data);
    EXPECT_EQ(answer, data);
    co_await mesh.stop();
  });
}

TEST(Interop, ANodeThatDoesNotExistIsATimeout) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    const auto in_cpp = co_await expect_error<MeshNodeUnreachableError>(
        mesh.cpp.service.invoke<"echo">(999, nullptr));
    CO_ASSERT_TRUE(in_cpp);
    const auto in_js =
        co_await expect_error<PeerError>(mesh.js.invoke(999, "echo", nullptr, 200ms));
    CO_ASSERT_TRUE(in_js);
    EXPECT_EQ(in_js->name(), "MeshRequestTimeoutError");
    co_await mesh.stop();
  });
}

TEST(Interop, ManyCallsBothWaysAtOnce) {
  run_coroutine([]() -> asio::awaitable<void> {
    Tuning patient;
    patient.request_timeout = 30s;
    Pair mesh(co_await asio::this_coro::executor, patient, patient);
    co_await mesh.start();
    constexpr int count = 200;
    int right = 0;
    int wrong = 0;
    auto call_js = [&](int number) -> asio::awaitable<void> {
      const AddRequest request{number, 1};
      const AddReply answer = co_await mesh.cpp.service.invoke<"add">(mesh.js.id(), request);
      ++(answer.sum == number + 1 ? right : wrong);
    };
    auto call_cpp = [&](int number) -> asio::awaitable<void> {
      const Json request{{"a", number}, {"b", 1}};
      const Json answer = co_await mesh.js.invoke(mesh.cpp_id(), "add", request);
      ++(answer.at("sum") == number + 1 ? right : wrong);
    };
    const auto fail = [&](const std::exception_ptr& error) {
      if (error) ++wrong;
    };
    const auto executor = co_await asio::this_coro::executor;
    for (int i = 0; i < count; ++i) {
      asio::co_spawn(executor, call_js(i), fail);
      asio::co_spawn(executor, call_cpp(i), fail);
    }
    EXPECT_TRUE(co_await eventually([&] { return right + wrong == 2 * count; }, 40s));
    EXPECT_EQ(right, 2 * count);
    co_await mesh.stop();
  });
}

TEST(Interop, BroadcastsReachBothKindsOfNodes) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    auto js_count = [&]() -> asio::awaitable<std::size_t> {
      const Json received = co_await mesh.js.received();
      co_return received.size();
    };

    const Json from_cpp{{"version", 1}, {"name", "\xe2\x82\xac"}};
    co_await mesh.cpp.service.broadcast<"configUpdated">(from_cpp);
    auto js_has_one = [&]() -> asio::awaitable<bool> { co_return co_await js_count() == 1; };
    EXPECT_TRUE(co_await eventually(js_has_one));
    const Json received_in_js = co_await mesh.js.received();
    EXPECT_EQ(received_in_js.at(0).at("data"), from_cpp);
    EXPECT_EQ(received_in_js.at(0).at("senderInstanceId"), mesh.cpp_id());
    EXPECT_TRUE(co_await eventually([&] { return mesh.cpp.received.size() == 1; }));
    EXPECT_EQ(mesh.cpp.received.at(0).sender, mesh.cpp_id());

    const Json from_js{{"version", 2}};
    Json request{{"op", "broadcast"}, {"type", "configUpdated"}, {"data", from_js}};
    co_await mesh.js.peer().call(request);
    EXPECT_TRUE(co_await eventually([&] { return mesh.cpp.received.size() == 2; }));
    EXPECT_EQ(mesh.cpp.received.at(1).data, from_js);
    EXPECT_EQ(mesh.cpp.received.at(1).sender, mesh.js.id());
    EXPECT_EQ(co_await js_count(), 2U);
    co_await mesh.stop();
  });
}

TEST(Interop, BroadcastsMaySkipTheirSender) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    const Json from_cpp = 1;
    co_await mesh.cpp.service.broadcast<"configUpdated">(from_cpp, {.skip_self = true});
    Json request{{"op", "broadcast"}, {"type", "configUpdated"}, {"data", 2}, {"skipSelf", true}};
    co_await mesh.js.peer().call(request);
    EXPECT_TRUE(co_await eventually([&] { return mesh.cpp.received.size() == 1; }));
    EXPECT_EQ(mesh.cpp.received.at(0).data, 2);
    auto js_received_ours = [&]() -> asio::awaitable<bool> {
      const Json received = co_await mesh.js.received();
      co_return received.size() == 1 && received.at(0).at("data") == 1;
    };
    EXPECT_TRUE(co_await eventually(js_received_ours));
    EXPECT_EQ(mesh.cpp.received.size(), 1U);
    co_await mesh.stop();
  });
}

std::string host_name() {
  std::array<char, 256> buffer{};
  gethostname(buffer.data(), buffer.size() - 1);
  return buffer.data();
}

TEST(Interop, BothListTheSameNodes) {
  for (const bool peer_first : {false, true}) {
    run_coroutine([peer_first]() -> asio::awaitable<void> {
      Pair mesh(co_await asio::this_coro::executor);
      co_await mesh.start(peer_first);
      EXPECT_EQ(mesh.cpp_id(), peer_first ? 2 : 1);
      EXPECT_EQ(mesh.js.id(), peer_first ? 1 : 2);
      std::vector<MeshNode> expected{{mesh.cpp_id(), host_name(), true},
                                     {mesh.js.id(), host_name(), false}};
      std::ranges::sort(expected, {}, &MeshNode::instance_id);
      EXPECT_EQ(co_await mesh.cpp.service.get_nodes(), expected);
      for (MeshNode& node : expected) node.self = !node.self;
      EXPECT_EQ(co_await mesh.js.nodes(), expected);

      co_await mesh.js.stop();
      const auto alone = co_await mesh.cpp.service.get_nodes();
      EXPECT_EQ(alone.size(), 1U);
      co_await mesh.cpp.service.stop();
    });
  }
}

TEST(Interop, ExactlyOneLeadsAndTheOtherTakesOver) {
  for (const bool peer_first : {false, true}) {
    run_coroutine([peer_first]() -> asio::awaitable<void> {
      Pair mesh(co_await asio::this_coro::executor);
      co_await mesh.start(peer_first);
      auto cpp_leads = [&] { return mesh.cpp.service.leader().is_leader(); };
      auto js_leads = [&]() -> asio::awaitable<bool> { return mesh.js.is_leader(); };

      auto someone_leads = [&]() -> asio::awaitable<bool> {
        const bool js = co_await js_leads();
        co_return js || cpp_leads();
      };
      EXPECT_TRUE(co_await eventually(someone_leads));
      for (int i = 0; i < 100; ++i) {
        // The peer's answer is from in between two looks at ours.
        const bool before = cpp_leads();
        const bool js = co_await js_leads();
        EXPECT_FALSE(before && js && cpp_leads());
        co_await sleep_for(10ms);
      }

      if (cpp_leads()) {
        co_await mesh.cpp.service.stop();
        EXPECT_TRUE(co_await eventually(js_leads));
        co_await mesh.js.stop();
      } else {
        co_await mesh.js.stop();
        EXPECT_TRUE(co_await eventually(cpp_leads));
        co_await mesh.cpp.service.stop();
      }
    });
  }
}

TEST(Interop, ACppLeaderCleansUpAKilledNodeJsNode) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.cpp.service.start();
    EXPECT_TRUE(co_await eventually([&] { return mesh.cpp.service.leader().is_leader(); }));
    co_await mesh.js.start();
    mesh.js.peer().process().signal(SIGKILL);
    EXPECT_TRUE(co_await eventually([&] { return !mesh.cpp.cleaned_up.empty(); }));
    EXPECT_EQ(mesh.cpp.cleaned_up, std::vector<InstanceId>{mesh.js.id()});
    const auto nodes = co_await mesh.cpp.service.get_nodes();
    EXPECT_EQ(nodes.size(), 1U);
    EXPECT_FALSE(mesh.redis.probe().hget("test:mesh:interop:nodes", std::to_string(mesh.js.id())));
    co_await mesh.cpp.service.stop();
  });
}

TEST(Interop, ANodeJsLeaderCleansUpACppNodeThatVanished) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Pair mesh(executor);
    co_await mesh.js.start();
    auto js_leads = [&]() -> asio::awaitable<bool> { return mesh.js.is_leader(); };
    EXPECT_TRUE(co_await eventually(js_leads));
    co_await mesh.cpp.service.start();
    InstanceId vanished = 0;
    {
      CppNode abandoned(executor, mesh.redis);
      co_await abandoned.service.start();
      vanished = abandoned.service.instance_id();
    }
    auto is_reported = [&]() -> asio::awaitable<bool> {
      const Json so_far = co_await mesh.js.cleaned_up();
      co_return !so_far.empty();
    };
    EXPECT_TRUE(co_await eventually(is_reported));
    const Json reported = co_await mesh.js.cleaned_up();
    EXPECT_EQ(reported, Json::array({vanished}));
    EXPECT_TRUE(mesh.cpp.cleaned_up.empty());
    co_await mesh.stop();
  });
}

TEST(Interop, BothFindEachOtherAgainAfterRedisRestartedEmpty) {
  run_coroutine([]() -> asio::awaitable<void> {
    Pair mesh(co_await asio::this_coro::executor);
    co_await mesh.start();
    mesh.redis.restart();
    const Json data = "again";
    auto cpp_reaches_js = [&]() -> asio::awaitable<bool> {
      try {
        const Json answer =
            co_await mesh.cpp.service.invoke<"echo">(mesh.js.id(), data, {.timeout = 1s});
        co_return answer == data;
      } catch (const MeshError&) {
        co_return false;
      }
    };
    EXPECT_TRUE(co_await eventually(cpp_reaches_js, 40s));
    auto js_reaches_cpp = [&]() -> asio::awaitable<bool> {
      try {
        const Json answer = co_await mesh.js.invoke(mesh.cpp_id(), "echo", data, 1s);
        co_return answer == data;
      } catch (const PeerError&) {
        co_return false;
      }
    };
    EXPECT_TRUE(co_await eventually(js_reaches_cpp, 40s));
    auto js_lists_both = [&]() -> asio::awaitable<bool> {
      const auto nodes = co_await mesh.js.nodes();
      co_return nodes.size() == 2;
    };
    EXPECT_TRUE(co_await eventually(js_lists_both));
    EXPECT_GE(std::stoll(mesh.redis.probe().get("test:mesh:interop:next_id").value_or("0")),
              mesh.cpp_id());
    co_await mesh.stop();
  });
}

}  // namespace
}  // namespace mesh::test
