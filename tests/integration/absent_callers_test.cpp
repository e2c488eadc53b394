// Answers to callers that are registered, or not even that, but do not listen.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include <boost/asio/this_coro.hpp>
#include <integration/support/patient_nodes_test.hpp>
#include <integration/support/raw_peer.hpp>
#include <mesh/mesh.hpp>
#include <support/channel_recorder.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

class AbsentCallers : public PatientNodesTest {
 protected:
  static constexpr InstanceId caller_id = 1000;

  void register_caller() {
    const auto now = std::to_string(probe().time().count());
    probe().command({"ZADD", name("heartbeats"), now, std::to_string(caller_id)});
  }
  /// Redis sends so many requests of the caller to the first node at once.
  void ask_at_once(std::size_t count) {
    const std::string script = R"(
      for i = 1, tonumber(ARGV[1]) do
        redis.call(ARGV[3], KEYS[1], '{"requestId":"' .. i .. '","senderInstanceId":' .. ARGV[2] ..
                   ',"type":"echo","data":"hello","timeoutMs":600000}')
      end)";
    probe()
        .at_primary_of(channel(1))
        .command({"EVAL", script, "1", channel(1), std::to_string(count), std::to_string(caller_id),
                  publish()});
  }
  std::string publish() const { return on_cluster() ? "spublish" : "publish"; }
};

TEST_F(AbsentCallers, AnAnswerToOneThatIsNotRegisteredIsGivenUpAtOnce) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Node node(co_await asio::this_coro::executor, key(), patient());
    register_handlers(node);
    co_await node.start();
    ask_at_once(100);
    const auto are_lost = [&] { return node.stats().answers_lost == 100; };
    EXPECT_TRUE(co_await eventually(are_lost)) << node.stats().answers_lost;
    EXPECT_EQ(node.stats().answers_resent, 0U);
    EXPECT_TRUE(log().contains("its caller is gone")) << log().text();
    co_await node.stop();
  });
}

TEST_F(AbsentCallers, AnswersAreNotPublishedAgainBeforeTheyListen) {
  run_coroutine([&]() -> asio::awaitable<void> {
    constexpr std::size_t count = 300;
    Node node(co_await asio::this_coro::executor, key(), patient());
    register_handlers(node);
    co_await node.start();
    register_caller();
    // Heartbeats do not count much meanwhile.
    const auto wanted = calls_of("zscore") + 30;
    ask_at_once(count);
    const auto is_asked_for = [&] { return calls_of("zscore") >= wanted; };
    CO_ASSERT_TRUE(co_await eventually(is_asked_for));
    EXPECT_EQ(node.stats().answers_resent, 0U);
    RawPeer caller(redis().options(), "test:mesh:" + key(), caller_id);
    const auto have_come = [&] { return caller.received().size() >= count; };
    EXPECT_TRUE(co_await eventually(have_come)) << caller.received().size();
    co_await sleep_for(100ms);
    EXPECT_EQ(caller.received().size(), count);
    EXPECT_EQ(node.stats().answers_resent, count);
    EXPECT_EQ(node.stats().answers_lost, 0U);
    co_await node.stop();
  });
}

TEST_F(AbsentCallers, ManyAnswersWaitForThem) {
  run_coroutine([&]() -> asio::awaitable<void> {
    constexpr std::size_t count = 6000;
    Node node(co_await asio::this_coro::executor, key(), patient());
    register_handlers(node);
    co_await node.start();
    register_caller();
    // Each was published, as its request was.
    const auto wanted = calls_of(publish()) + static_cast<std::int64_t>(2 * count);
    ask_at_once(count);
    const auto are_answered = [&] { return calls_of(publish()) >= wanted; };
    CO_ASSERT_TRUE(co_await eventually(are_answered));
    EXPECT_EQ(node.stats().answers_resent, 0U);
    const ChannelRecorder caller(redis().options(), {channel(caller_id)});
    EXPECT_TRUE(co_await eventually([&] { return caller.size() >= count; }, 40s)) << caller.size();
    EXPECT_EQ(node.stats().answers_lost, 0U) << log().text();
    co_await node.stop();
  });
}

TEST_F(AbsentCallers, NoMoreAnswersWaitForThemThanThereIsMemoryFor) {
  run_coroutine([&]() -> asio::awaitable<void> {
    constexpr std::size_t count = 120;
    MeshOptions options = patient();
    options.limits.queued_bytes = std::size_t{16} << 10U;
    Node node(co_await asio::this_coro::executor, key(), options);
    register_handlers(node);
    co_await node.start();
    register_caller();
    ask_at_once(count);
    const auto are_too_many = [&] {
      return log().contains("too many wait for callers that do not listen");
    };
    EXPECT_TRUE(co_await eventually(are_too_many)) << log().text();
    const ChannelRecorder caller(redis().options(), {channel(caller_id)});
    const auto is_each_accounted_for = [&] {
      return caller.size() + node.stats().answers_lost == count;
    };
    EXPECT_TRUE(co_await eventually(is_each_accounted_for)) << caller.size();
    EXPECT_GE(caller.size(), 30U);
    co_await node.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
