#include <gtest/gtest.h>

#include <string>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/slow_line.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

TEST(SlowLine, AMessageMayTakeLongerThanTheHealthCheck) {
  const RedisServer server;
  const SlowLine line(server, 20'000);
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const LogCapture log;
    MeshOptions options = patient_options(server.options(), log);
    options.node_ttl = 15s;  // heartbeats wait until the message has left, for about 5 s
    Node other(executor, mesh_key, options);
    options.redis = line.options();
    options.redis.health_check_interval = 800ms;  // a silent connection is given up after 1.6 s
    Node slow(executor, mesh_key, options);
    register_handlers(other);
    co_await other.start();
    co_await slow.start();
    const InstanceId id = slow.instance_id();
    int removals = 0;
    other.set_node_cleaned_up_callback([&](InstanceId) { ++removals; });

    const auto call =
        begin_echo(executor, slow, other.instance_id(), std::string(100'000, 'x'), 40s);
    const auto is_done = [&] { return call->is_done(); };
    EXPECT_TRUE(co_await eventually(is_done, 50s));
    EXPECT_TRUE(call->succeeded) << call->what() << log.text();
    EXPECT_EQ(slow.stats().reconnects, 0U) << log.text();
    EXPECT_EQ(slow.stats().calls_resent, 0U);
    const auto nodes = co_await other.get_nodes();
    EXPECT_EQ(nodes.size(), 2U);
    EXPECT_EQ(slow.instance_id(), id);
    EXPECT_EQ(removals, 0);
    co_await slow.stop();
    co_await other.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
