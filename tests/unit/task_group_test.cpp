#include <async/task_group.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>

#include <boost/asio/post.hpp>

#include <async/event.hpp>
#include <unit/run_on_strand.hpp>
#include <util/describe_error.hpp>

namespace mesh {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::run_on_strand;
using test::soon;

asio::awaitable<void> set_after(std::chrono::milliseconds delay, bool& done) {
  co_await test::sleep_for(delay);
  done = true;
}

asio::awaitable<void> fail_with(std::string text) {
  co_await test::sleep_for(1ms);
  throw std::runtime_error(text);
}

TEST(TaskGroup, JoinsAtOnceWhenEmpty) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    TaskGroup group(strand, nullptr);
    EXPECT_EQ(group.size(), 0U);
    EXPECT_TRUE(co_await group.join_until(Clock::now()));
  });
}

TEST(TaskGroup, JoinWaitsForEveryTask) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    TaskGroup group(strand, nullptr);
    bool first = false;
    bool second = false;
    group.spawn(set_after(1ms, first));
    group.spawn(set_after(20ms, second));
    EXPECT_EQ(group.size(), 2U);
    EXPECT_TRUE(co_await group.join_until(soon()));
    EXPECT_TRUE(first && second);
    EXPECT_EQ(group.size(), 0U);
  });
}

TEST(TaskGroup, JoinGivesUpAtTheDeadline) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    TaskGroup group(strand, nullptr);
    bool done = false;
    group.spawn(set_after(10min, done));
    EXPECT_FALSE(co_await group.join_until(Clock::now() + 5ms));
    EXPECT_EQ(group.size(), 1U);
    group.cancel_all();
    EXPECT_TRUE(co_await group.join_until(soon()));
    EXPECT_FALSE(done);
  });
}

TEST(TaskGroup, ReportsWhatATaskThrew) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    std::string reported;
    TaskGroup group(strand,
                    [&](const std::exception_ptr& error) { reported += describe_error(error); });
    group.spawn(fail_with("one"));
    EXPECT_TRUE(co_await group.join_until(soon()));
    EXPECT_EQ(reported, "one");
  });
}

TEST(TaskGroup, CancellationIsNotReported) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    int reports = 0;
    TaskGroup group(strand, [&](const std::exception_ptr&) { ++reports; });
    bool done = false;
    group.spawn(set_after(10min, done));
    group.cancel_all();
    EXPECT_TRUE(co_await group.join_until(soon()));
    EXPECT_EQ(reports, 0);
  });
}

TEST(TaskGroup, TasksOfADestroyedGroupGoOnAndReportToNobody) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    bool done = false;
    std::optional<TaskGroup> group(std::in_place, strand,
                                   [](const std::exception_ptr&) { ADD_FAILURE() << "reported"; });
    group->spawn(set_after(10ms, done));
    group->spawn(fail_with("unheard"));
    group.reset();
    EXPECT_TRUE(co_await eventually([&] { return done; }));
  });
}

TEST(TaskGroup, ATaskMaySpawnAnother) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    TaskGroup group(strand, nullptr);
    bool done = false;
    auto outer = [&]() -> asio::awaitable<void> {
      group.spawn(set_after(5ms, done));
      co_return;
    };
    group.spawn(outer());
    EXPECT_TRUE(co_await group.join_until(soon()));
    EXPECT_TRUE(done);
  });
}

TEST(TaskGroup, CanBeUsedAgainAfterCancelAndJoin) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    TaskGroup group(strand, nullptr);
    bool first = false;
    group.spawn(set_after(10min, first));
    group.cancel_all();
    EXPECT_TRUE(co_await group.join_until(soon()));
    bool second = false;
    group.spawn(set_after(1ms, second));
    EXPECT_TRUE(co_await group.join_until(soon()));
    EXPECT_TRUE(second);
  });
}

TEST(TaskGroup, RunsTasksOnOtherExecutorsAndJoinsThem) {
  test::RunOptions options;
  options.threads = 3;
  run_on_strand(
      [](Strand strand) -> asio::awaitable<void> {
        TaskGroup group(strand, nullptr);
        std::atomic<int> done = 0;
        auto task = [&]() -> asio::awaitable<void> {
          co_await test::sleep_for(1ms);
          ++done;
        };
        for (int i = 0; i < 50; ++i) {
          group.spawn_on(asio::make_strand(strand.get_inner_executor()), task());
        }
        EXPECT_TRUE(co_await group.join_until(soon()));
        EXPECT_EQ(done, 50);
      },
      options);
}

TEST(TaskGroup, ACancellationComesBeforeWhatIsQueued) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    TaskGroup group(strand, nullptr);
    Event event(strand);
    bool went_on = false;
    group.spawn([](Event& awaited, bool& done) -> asio::awaitable<void> {
      co_await awaited.wait_until(TimePoint::max());
      done = true;
    }(event, went_on));
    EXPECT_FALSE(co_await group.join_until(Clock::now() + 5ms));
    event.notify_all();
    bool is_cancelled = false;
    asio::post(strand, [&] {
      group.cancel_all();
      is_cancelled = true;
    });
    EXPECT_TRUE(co_await eventually([&] { return is_cancelled; }));
    EXPECT_TRUE(co_await group.join_until(soon()));
    EXPECT_FALSE(went_on);
  });
}

TEST(TaskGroup, CancellationMayRaceWithCompletion) {
  test::RunOptions options;
  options.threads = 3;
  run_on_strand(
      [](Strand strand) -> asio::awaitable<void> {
        for (int round = 0; round < 50; ++round) {
          TaskGroup group(strand, nullptr);
          auto task = []() -> asio::awaitable<void> { co_await test::sleep_for(0ms); };
          for (int i = 0; i < 20; ++i) {
            group.spawn_on(asio::make_strand(strand.get_inner_executor()), task());
          }
          group.cancel_all();
          EXPECT_TRUE(co_await group.join_until(soon()));
        }
      },
      options);
}

}  // namespace
}  // namespace mesh
