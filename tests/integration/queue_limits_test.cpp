// The queue of a node without Redis.

#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

/// A node whose queue takes a few thousand bytes, and that has noticed that Redis is gone.
struct CutOffNode {
  explicit CutOffNode(const asio::any_io_executor& executor)
      : proxy(server), node(executor, mesh_key, limited()) {}

  MeshOptions limited() const {
    MeshOptions options = patient_options(proxy.options(), log);
    options.heartbeat_interval = 10min;
    options.node_ttl = 20min;
    options.leader.ttl = 20min;
    options.leader.renewal_interval = 10min;
    options.limits.queued_bytes = 4000;
    return options;
  }
  asio::awaitable<bool> start_and_cut_off() {
    co_await node.start();
    const auto leads = [this] { return node.leader().is_leader(); };
    co_await eventually(leads);
    proxy.cut();
    const auto noticed = [this] { return log.count("lost the connection") >= 2; };
    co_return co_await eventually(noticed);
  }

  RedisServer server;
  RedisProxy proxy;
  LogCapture log;
  Node node;
};

TEST(QueueLimits, BroadcastsThatWaitForRedisAreBounded) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    CutOffNode cut_off(executor);
    CO_ASSERT_TRUE(co_await cut_off.start_and_cut_off());
    const std::string text(1000, 'n');
    std::size_t sent = 0;
    std::size_t refused = 0;
    auto complete = [&](const std::exception_ptr& error) {
      if (!error) {
        ++sent;
        return;
      }
      try {
        std::rethrow_exception(error);
      } catch (const MeshLimitError& limit) {
        EXPECT_NE(std::string(limit.what()).find("queued_bytes"), std::string::npos)
            << limit.what();
        ++refused;
      } catch (const std::exception& other) {
        ADD_FAILURE() << other.what();
      }
    };
    for (int i = 0; i < 10; ++i) {
      cut_off.node.broadcast<"news">(text, {}, asio::bind_executor(executor, complete));
    }
    const auto some_refused = [&] { return refused == 7; };
    EXPECT_TRUE(co_await eventually(some_refused)) << refused;
    EXPECT_EQ(sent, 0U);
    cut_off.proxy.restore();
    const auto others_sent = [&] { return sent == 3; };
    EXPECT_TRUE(co_await eventually(others_sent)) << sent;
    co_await cut_off.node.stop();
  });
}

TEST(QueueLimits, CallsThatWaitForRedisAreBounded) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    CutOffNode cut_off(executor);
    Node target(executor, mesh_key, patient_options(cut_off.server.options(), cut_off.log));
    register_handlers(target);
    co_await target.start();
    CO_ASSERT_TRUE(co_await cut_off.start_and_cut_off());
    const std::string text(1000, 'c');
    std::vector<std::shared_ptr<Call>> calls;
    for (int i = 0; i < 10; ++i) {
      calls.push_back(begin_echo(executor, cut_off.node, target.instance_id(), text, 50s));
    }
    const auto refused = [&] {
      return std::ranges::count_if(
          calls, [](const auto& call) { return call->template failed_with<MeshLimitError>(); });
    };
    const auto most_refused = [&] { return refused() == 7; };
    EXPECT_TRUE(co_await eventually(most_refused, 5s)) << refused();
    for (const auto& call : calls) {
      if (call->is_done()) {
        EXPECT_NE(call->what().find("queued_bytes"), std::string::npos) << call->what();
      }
    }
    cut_off.proxy.restore();
    const auto all_done = [&] {
      return std::ranges::all_of(calls, [](const auto& call) { return call->is_done(); });
    };
    EXPECT_TRUE(co_await eventually(all_done));
    const auto answered =
        std::ranges::count_if(calls, [](const auto& call) { return call->succeeded; });
    EXPECT_EQ(answered, 3);
    EXPECT_TRUE(co_await echoes(cut_off.node, target.instance_id(), 20s));
    co_await cut_off.node.stop();
    co_await target.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
