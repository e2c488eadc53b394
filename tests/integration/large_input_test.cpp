// Messages of any size, on a Redis that lets them through.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/channel_recorder.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

/// Of this process, in bytes, since it was last asked to forget it.
std::size_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes << 10U;
  }
  return 0;
}

void forget_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

TEST(LargeInput, TakesNeitherMemoryNorTheConnection) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServerOptions server_options;
    server_options.config = {"client-output-buffer-limit pubsub 0 0 0"};
    const RedisServer server(server_options);
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    register_handlers(node);
    node.watch_nodes([](NodeChange, const MeshNode&) {});
    co_await node.start();
    const auto watches = [&] { return server.probe().subscribers(key_of("events")) == 1; };
    CO_ASSERT_TRUE(co_await eventually(watches));
    const ChannelRecorder answers(server.options(), {channel_of(999)});
    RedisProbe probe = server.probe(60s);
    forget_peak_memory();
    const auto before = peak_memory();
    std::uint64_t sent = 0;
    for (const std::string& channel : {channel_of(1), key_of("broadcast"), key_of("events")}) {
      const std::string script =
          "return redis.call('publish', KEYS[1], ARGV[1] .. string.rep('x', 40000000))";
      const std::string beginning =
          R"({"requestId":"r-1","senderInstanceId":999,"type":"echo","data":")";
      probe.command({"EVAL", script, "1", channel, beginning});
      ++sent;
      const auto dropped = [&] { return node.stats().messages_dropped == sent; };
      CO_ASSERT_TRUE(co_await eventually(dropped, 60s));
    }
    probe.publish(
        channel_of(1),
        R"({"requestId":"r-2","senderInstanceId":999,"type":"echo","timeoutMs":1000,"data":"next"})");
    const auto answered = [&] { return answers.size() == 2; };
    CO_ASSERT_TRUE(co_await eventually(answered, 60s));
    EXPECT_LT(peak_memory() - before, std::size_t{25} << 20U);
    EXPECT_EQ(answers.json().at(0).at("requestId"), "r-1");
    const std::string error = answers.json().at(0).value("error", "");
    EXPECT_NE(error.find("message_size"), std::string::npos) << error;
    EXPECT_EQ(answers.json().at(1).at("data"), "next");
    EXPECT_EQ(node.stats().reconnects, 0U);
    EXPECT_LE(log.count("dropped a message", LogLevel::warning), 2U) << log.text();
    co_await node.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
