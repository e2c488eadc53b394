#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/support/shared_redis.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

TEST(QueuedRequests, NothingThatRunsInTheEndIsReportedAsATimeout) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const SharedRedis server;
    LogCapture log;
    Node caller(executor, mesh_key, patient_options(server.options(), log));
    MeshOptions options = patient_options(server.options(), log);
    options.limits.concurrent_handlers = 1;
    Node worker(executor, mesh_key, options);
    register_handlers(worker);
    co_await caller.start();
    co_await worker.start();
    std::vector<std::shared_ptr<Call>> calls;
    for (const auto duration : {900ms, 500ms, 300ms, 1500ms, 300ms}) {
      calls.push_back(begin_wait(executor, caller, worker.instance_id(), duration, 1s));
    }
    for (const auto& call : calls) {
      const auto is_done = [&] { return call->is_done(); };
      EXPECT_TRUE(co_await eventually(is_done));
      EXPECT_TRUE(call->succeeded) << call->what();
    }
    co_await caller.stop();
    co_await worker.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
