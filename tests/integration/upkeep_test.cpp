// Heartbeats, lease and cleanup, where messages leave no room.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <mesh/mesh.hpp>
#include <support/channel_recorder.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

TEST(Upkeep, IsNotRefusedWhereMessagesAre) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server;
    RedisProxy proxy(server);
    LogCapture log;
    MeshOptions options = patient_options(proxy.options(), log);
    options.limits.queued_bytes = 2000;
    options.leader.ttl = 60s;
    Node node(executor, mesh_key, options);
    co_await node.start();
    const auto leads = [&] { return node.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(leads)) << log.text();
    const ChannelRecorder pulse(server.options(), {key_of("pulse")});
    RedisProbe probe = server.probe();
    proxy.delay_by(100ms);

    // What Redis has not answered fills the limit all the time.
    int refused = 0;
    std::shared_ptr<Call> last;
    const auto fill = [&] {
      if (last && last->failed_with<MeshLimitError>()) ++refused;
      for (int i = 0; i < 5; ++i) {
        last = begin_echo(executor, node, 77, std::string(500, 'x'), 20s);
      }
    };
    int beats = 0;
    int renewals = 0;
    double score = 0;
    std::int64_t ttl = 0;
    const auto goes_on = [&] {
      fill();
      const double new_score = probe.zscore(key_of("heartbeats"), "1").value_or(0);
      const std::int64_t new_ttl = probe.integer({"PTTL", mesh_lock});
      if (new_score > score) ++beats;
      if (new_ttl > ttl) ++renewals;
      score = new_score;
      ttl = new_ttl;
      return refused > 100 && beats > 5 && renewals > 5 && pulse.size() > 5;
    };
    EXPECT_TRUE(co_await eventually(goes_on, 40s))
        << refused << ' ' << beats << ' ' << renewals << ' ' << pulse.size() << log.text();
    EXPECT_FALSE(log.contains("failed")) << log.text();
    co_await node.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
