// A response that Redis cannot send to a subscriber, since it exceeds the output buffer limit.

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/support/patient_nodes_test.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

class LargeResponse : public PatientNodesTest {
 protected:
  ~LargeResponse() override { limit_output_buffers("32mb 8mb 60"); }

  /// Valkey counts the message itself until version 8; later it is shared by those who get it.
  bool counts_messages() {
    const std::string info = probe().text({"INFO", "server"});
    const std::string field = "valkey_version:";
    const auto found = info.find(field);
    return found == std::string::npos || std::stoi(info.substr(found + field.size())) < 9;
  }
  void limit_output_buffers(const std::string& limits) {
    for (RedisProbe& one : redis().probes()) {
      one.command({"CONFIG", "SET", "client-output-buffer-limit", "pubsub " + limits});
    }
  }
};

TEST_F(LargeResponse, BeyondTheOutputBufferLimitEndsItsCallAndNoOther) {
  if (!counts_messages()) GTEST_SKIP() << "this server has no such limit";
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Pair pair(executor, redis().options(), key());
    int large_runs = 0;
    pair.b.register_handler<"echo">([&](const std::string& text) {
      if (text != "large") return text;
      ++large_runs;
      return std::string(std::size_t{2} << 20U, 'x');
    });
    co_await pair.start();
    const InstanceId target = pair.b.instance_id();
    CO_ASSERT_TRUE(co_await echoes(pair.a, target, 20s));
    limit_output_buffers("1mb 0 0");

    const auto large = begin_echo(executor, pair.a, target, "large", 10min);
    std::vector<std::shared_ptr<Call>> small;
    const auto one_more = [&] {
      small.push_back(begin_echo(executor, pair.a, target, "small", 30s));
      return large->is_done();
    };
    EXPECT_TRUE(co_await eventually(one_more, 40s));
    EXPECT_TRUE(large->failed_with<MeshHandlerError>()) << large->what();
    EXPECT_NE(large->what().find("client-output-buffer-limit"), std::string::npos) << large->what();
    EXPECT_NE(large->what().find(" 2097"), std::string::npos) << large->what();
    for (const auto& call : small) {
      const auto is_done = [call] { return call->is_done(); };
      EXPECT_TRUE(co_await eventually(is_done, 40s));
      EXPECT_TRUE(call->succeeded) << call->what();
    }
    EXPECT_EQ(large_runs, 1);
    EXPECT_LE(pair.a.stats().reconnects, 2U);
    co_await pair.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
