#include <support/run_coroutine.hpp>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include <boost/asio/post.hpp>
#include <support/coroutine.hpp>

namespace mesh::test {
namespace {

using namespace std::chrono_literals;

TEST(RunCoroutine, RunsTheBodyToItsEnd) {
  bool ended = false;
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await sleep_for(1ms);
    ended = true;
  });
  EXPECT_TRUE(ended);
}

TEST(RunCoroutine, RethrowsIntoTheTest) {
  const auto body = []() -> asio::awaitable<void> {
    co_await sleep_for(1ms);
    throw std::runtime_error("from the body");
  };
  EXPECT_THROW(run_coroutine(body), std::runtime_error);
}

void run_late_body() {
  RunOptions options;
  options.deadline = 20ms;
  try {
    run_coroutine([]() -> asio::awaitable<void> { co_await sleep_for(10min); }, options);
  } catch (const boost::system::system_error&) {
    // The cancellation.
  }
}

TEST(RunCoroutine, FailsAtTheDeadlineNamingTheTest) {
  EXPECT_NONFATAL_FAILURE(run_late_body(),
                          "RunCoroutine.FailsAtTheDeadlineNamingTheTest was not done after 20 ms");
}

TEST(RunCoroutine, RunsOnSeveralThreads) {
  RunOptions options;
  options.threads = 3;
  run_coroutine(
      [](asio::io_context& context) -> asio::awaitable<void> {
        std::atomic<int> at_once = 0;
        std::atomic<int> ended = 0;
        for (int i = 0; i < 2; ++i) {
          asio::post(context, [&] {
            ++at_once;
            while (at_once < 2) std::this_thread::yield();
            ++ended;
          });
        }
        auto both_ended = [&] { return ended == 2; };
        EXPECT_TRUE(co_await eventually(both_ended));
      },
      options);
}

TEST(Eventually, TakesPlainAndAwaitablePredicates) {
  run_coroutine([]() -> asio::awaitable<void> {
    int calls = 0;
    auto plain = [&] { return ++calls == 3; };
    EXPECT_TRUE(co_await eventually(plain));
    EXPECT_EQ(calls, 3);
    auto slow = [&]() -> asio::awaitable<bool> {
      co_await sleep_for(1ms);
      co_return ++calls == 6;
    };
    EXPECT_TRUE(co_await eventually(slow));
    auto never = [] { return false; };
    EXPECT_FALSE(co_await eventually(never, 5ms));
    EXPECT_TRUE(co_await holds_for([&] { return calls == 6; }, 5ms));
    EXPECT_FALSE(co_await holds_for([&] { return ++calls < 8; }, 10s));
  });
}

asio::awaitable<int> fails() {
  co_await sleep_for(1ms);
  throw std::out_of_range("far out");
}

TEST(ExpectError, ReturnsTheError) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto error = co_await expect_error<std::out_of_range>(fails());
    CO_ASSERT_TRUE(error);
    EXPECT_STREQ(error->what(), "far out");
  });
}

void expect_base_class() {
  run_coroutine([]() -> asio::awaitable<void> {
    EXPECT_FALSE(co_await expect_error<std::logic_error>(fails()));
  });
}

TEST(ExpectError, WantsTheExactClass) { EXPECT_NONFATAL_FAILURE(expect_base_class(), "far out"); }

}  // namespace
}  // namespace mesh::test
