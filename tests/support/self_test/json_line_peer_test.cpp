#include <support/json_line_peer.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>

#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

/// Answers each line with the line itself.
std::vector<std::string> echo_peer() { return {"cat"}; }

TEST(JsonLinePeer, MatchesAnswersToCalls) {
  run_coroutine([]() -> asio::awaitable<void> {
    JsonLinePeer peer(co_await asio::this_coro::executor, echo_peer());
    for (int i = 0; i < 3; ++i) {
      Json request{{"op", "echo"}, {"ok", true}, {"number", i}};
      const Json answer = co_await peer.call(request);
      EXPECT_EQ(answer.at("number"), i);
    }
    const ExitStatus status = co_await peer.close();
    EXPECT_EQ(status.code, 0);
  });
}

TEST(JsonLinePeer, ThrowsTheErrorOfTheAnswer) {
  run_coroutine([]() -> asio::awaitable<void> {
    JsonLinePeer peer(co_await asio::this_coro::executor, echo_peer());
    Json failure{{"name", "TypeError"}, {"message", "no"}};
    Json request{{"ok", false}, {"error", failure}};
    const auto error = co_await expect_error<PeerError>(peer.call(request));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->name(), "TypeError");
    EXPECT_STREQ(error->what(), "no");
  });
}

TEST(JsonLinePeer, FailsTheCallsOfAProcessThatEnds) {
  run_coroutine([]() -> asio::awaitable<void> {
    const std::vector<std::string> command{"sh", "-c", "read line; exit 1"};
    JsonLinePeer peer(co_await asio::this_coro::executor, command);
    Json request{{"op", "anything"}};
    const auto error = co_await expect_error<PeerError>(peer.call(request));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->name(), "PeerEnded");
    const auto later = co_await expect_error<PeerError>(peer.call(request));
    CO_ASSERT_TRUE(later);
    EXPECT_EQ(later->name(), "PeerEnded");
  });
}

}  // namespace
}  // namespace mesh::test
