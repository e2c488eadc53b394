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
    RedisOptions slow = line.options();
    slow.health_check_interval = 800ms;  // so that a silent connection is given up after 1.6 s
    Pair pair(executor, slow, server.options());
    co_await pair.start();
    const auto call =
        begin_echo(executor, pair.a, pair.b.instance_id(), std::string(100'000, 'x'), 40s);
    const auto is_done = [&] { return call->is_done(); };
    EXPECT_TRUE(co_await eventually(is_done, 50s));
    EXPECT_TRUE(call->succeeded) << call->what() << pair.log.text();
    EXPECT_EQ(pair.a.stats().reconnects, 0U) << pair.log.text();
    EXPECT_EQ(pair.a.stats().calls_resent, 0U);
    const auto nodes = co_await pair.b.get_nodes();
    EXPECT_EQ(nodes.size(), 2U);
    co_await pair.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
