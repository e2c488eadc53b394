// Where nobody may lead yet, the log says why and until when.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <ctime>
#include <string>

#include <boost/asio/this_coro.hpp>
#include <integration/support/election_test.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test {
namespace {

class FirstElection : public ElectionTest {};

LeaderOptions options_of_first() {
  LeaderOptions options;
  options.ttl = 2s;
  options.renewal_interval = 200ms;
  options.retry_delay = 100ms;
  return options;
}

asio::awaitable<bool> leads_at_last(const LeaderService& service) {
  const auto leads = [&] { return service.is_leader(); };
  co_return co_await eventually(leads);
}

std::string hour_and_minute() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%H:%M:", &parts);
  return text.data();
}

TEST_F(FirstElection, IsWaitedForWithOneWarningForEachLoss) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    LeaderService service(co_await asio::this_coro::executor, key(), options_of_first(),
                          redis().options(), log.sink());
    const std::string begun = hour_and_minute();
    service.start();
    EXPECT_TRUE(co_await leads_at_last(service)) << log.text();
    const std::string ended = hour_and_minute();
    EXPECT_EQ(log.count("", LogLevel::warning), 1U) << log.text();
    const auto warns_of = [&](const std::string& part) {
      return log.contains(part, LogLevel::warning);
    };
    EXPECT_TRUE(warns_of("nobody may lead " + election_lock() + " for another")) << log.text();
    EXPECT_TRUE(warns_of(" ms, until 20")) << log.text();
    EXPECT_TRUE(warns_of(begun) || warns_of(ended)) << log.text();
    EXPECT_TRUE(warns_of(" UTC: this Redis is new")) << log.text();
    EXPECT_TRUE(warns_of("LeaderOptions::wait_after_data_loss")) << log.text();

    election_probe().command({"FLUSHALL"});
    const auto is_warned_again = [&] { return log.count("nobody may lead") == 2; };
    EXPECT_TRUE(co_await eventually(is_warned_again)) << log.text();
    EXPECT_TRUE(co_await leads_at_last(service)) << log.text();
    co_await service.stop();
    service.start();
    EXPECT_TRUE(co_await leads_at_last(service)) << log.text();
    EXPECT_EQ(log.count("", LogLevel::warning), 2U) << log.text();
    co_await service.stop();
  });
}

TEST_F(FirstElection, IsNoReasonForAWarningWhereItTakesNoLongerThanARetry) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    LeaderOptions options = options_of_first();
    options.retry_delay = 20s;
    LeaderService service(co_await asio::this_coro::executor, key(), options, redis().options(),
                          log.sink());
    service.start();
    EXPECT_TRUE(co_await leads_at_last(service)) << log.text();
    EXPECT_TRUE(log.contains("nobody may lead"));
    EXPECT_FALSE(log.contains("", LogLevel::warning)) << log.text();
    co_await service.stop();
  });
}

}  // namespace
}  // namespace mesh::test
