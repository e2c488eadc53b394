#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

#include <core/cleanup.hpp>
#include <core/keys.hpp>
#include <unit/run_on_strand.hpp>
#include <util/boot_clock.hpp>

/// A machine that was suspended: CLOCK_BOOTTIME has gone on meanwhile, CLOCK_MONOTONIC and with it
/// all timers have not. The program has its own clock_gettime() for this.
namespace {

std::atomic<long> seconds_suspended{0};

void suspend_machine_for(std::chrono::seconds time) { seconds_suspended += time.count(); }

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const auto result = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (result == 0 && clock == CLOCK_BOOTTIME) time->tv_sec += seconds_suspended;
  return result;
}

namespace mesh {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::run_coroutine;
using test::run_on_strand;
using test::soon;

TEST(Suspend, TheBootClockGoesOnAndTheSteadyClockDoesNot) {
  const auto boot = BootClock::now();
  const auto steady = Clock::now();
  suspend_machine_for(1h);
  EXPECT_GE(BootClock::now() - boot, 1h);
  EXPECT_LT(Clock::now() - steady, 30min);
}

TEST(Suspend, ALeaderWhoseLeaseHasRunOutMeanwhileDoesNotLeadOnWaking) {
  run_coroutine([]() -> asio::awaitable<void> {
    const test::RedisServer server;
    test::LogCapture log;
    LeaderOptions options;
    options.ttl = 60s;
    options.renewal_interval = 500ms;
    options.retry_delay = 100ms;
    options.wait_after_data_loss = false;
    LeaderService service(co_await asio::this_coro::executor, "feature", options, server.options(),
                          log.sink());
    std::vector<std::string> events;
    service.set_became_leader_callback([&] { events.emplace_back("became"); });
    service.set_lost_leader_callback([&] { events.emplace_back("lost"); });
    service.start();
    const auto leads = [&] { return service.is_leader(); };
    EXPECT_TRUE(co_await eventually(leads));
    suspend_machine_for(58s);
    EXPECT_FALSE(service.is_leader());
    EXPECT_EQ(service.fencing_token(), 0);
    const auto all_heard = [&] {
      return events == std::vector<std::string>{"became", "lost", "became"};
    };
    EXPECT_TRUE(co_await eventually(all_heard));
    EXPECT_TRUE(service.is_leader());
    co_await service.stop();
  });
}

TEST(Suspend, WhatWasHeardOfAReportBeforeIsNotBelievedOnWaking) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    const test::RedisServer server;
    test::LogCapture log;
    constexpr std::size_t queued_bytes = 100000;
    const auto client = std::make_shared<redis::Client>(strand, server.options(), "commands",
                                                        queued_bytes, log.sink());
    client->open();
    co_await client->wait_ready(soon());
    const core::Keys keys(server.options(), "suspended");
    const auto registry = std::make_shared<core::Registry>(
        core::Registry::Context{strand, client, keys, 60s, "host"});
    const InstanceId self = co_await registry->claim_id(soon());
    const std::string uuid = server.probe().text({"GET", keys.owner(self)});
    server.command({"HSET", keys.reports(), "77", std::to_string(self) + ":" + uuid + ":123"});
    const core::Cleanup::Context context{strand, strand.get_inner_executor(), 60s, log.sink()};
    const auto cleanup = std::make_shared<core::Cleanup>(context, registry);
    std::vector<InstanceId> reported;
    cleanup->set_callback([&](InstanceId id) -> asio::awaitable<void> {
      reported.push_back(id);
      co_return;
    });
    // It then asks whether the report is still its own.
    co_await cleanup->complete(self);
    suspend_machine_for(20s);
    const auto is_finished = [&] { return !server.probe().exists(keys.reports()); };
    EXPECT_TRUE(co_await eventually(is_finished));
    EXPECT_EQ(reported, std::vector<InstanceId>{77});
    // Twice to ask, once to finish.
    EXPECT_EQ(server.probe().command_stats().calls("hget"), 3);
    cleanup->abandon();
    client->close();
    EXPECT_TRUE(co_await client->join_until(soon()));
  });
}

}  // namespace
}  // namespace mesh
