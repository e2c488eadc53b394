#include <core/pending_calls.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/bind_executor.hpp>
#include <mesh/detail/post_completion.hpp>
#include <mesh/errors.hpp>

#include <unit/run_on_strand.hpp>

namespace mesh::core {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::run_on_strand;

struct Result {
  int completions = 0;
  std::exception_ptr error;
  std::string data;

  template <typename Error>
  std::optional<Error> error_as() const {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const Error& caught) {
      return caught;
    } catch (const std::exception& other) {
      ADD_FAILURE() << "another error: " << other.what();
    }
    return std::nullopt;
  }
};

template <typename Function>
auto posted(const Strand& strand, Function function) {
  return detail::PostedHandler(strand.get_inner_executor(),
                               asio::bind_executor(strand, std::move(function)));
}

/// The table under test with what it needs.
struct Table {
  explicit Table(const Strand& strand_) : strand(strand_), calls(strand_, counters) {}

  std::shared_ptr<Result> add(const std::string& id, std::chrono::milliseconds timeout) {
    auto result = std::make_shared<Result>();
    auto complete = [result](std::exception_ptr error, std::string data) {
      ++result->completions;
      result->error = std::move(error);
      result->data = std::move(data);
    };
    // Initialized, not assigned: Boost 1.81 cannot assign completion handlers.
    PendingCall call{posted(strand, complete), 7, "echo", timeout, Clock::now()};
    calls.add(id, std::move(call));
    return result;
  }

  static wire::Response response(const std::string& id, std::string_view data) {
    return wire::Response{id, data, std::nullopt};
  }
  static wire::Response failure(const std::string& id, const std::string& error) {
    return wire::Response{id, {}, error};
  }

  Strand strand;
  Counters counters;
  PendingCalls calls;
};

TEST(PendingCalls, AResponseCompletesTheCallOnce) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    const auto result = table.add("a", 1h);
    EXPECT_EQ(table.calls.size(), 1U);
    EXPECT_TRUE(table.calls.on_response(Table::response("a", "5")));
    EXPECT_EQ(table.calls.size(), 0U);
    EXPECT_EQ(result->completions, 0) << "completions are posted";
    EXPECT_FALSE(table.calls.on_response(Table::response("a", "6")));
    EXPECT_FALSE(table.calls.fail("a", nullptr));
    EXPECT_TRUE(co_await eventually([&] { return result->completions == 1; }));
    EXPECT_EQ(result->data, "5");
    EXPECT_FALSE(result->error);
    EXPECT_EQ(table.counters.calls_sent, 1U);
    EXPECT_EQ(table.counters.calls_succeeded, 1U);
    EXPECT_EQ(table.counters.calls_failed, 0U);
  });
}

TEST(PendingCalls, ADeadlineBeforeTheTimeoutEndsACallWithoutAlarmsOnTheWay) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    int silent = 0;
    int overdue = 0;
    int given_up = 0;
    table.calls.set_silent_callback([&](const RequestId&) { ++silent; });
    table.calls.set_overdue_callback([&](const RequestId&) { ++overdue; });
    table.calls.set_given_up_callback([&](const RequestId&, const PendingCall&) { ++given_up; });
    auto result = std::make_shared<Result>();
    auto complete = [result](std::exception_ptr error, const std::string&) {
      ++result->completions;
      result->error = std::move(error);
    };
    PendingCall call{posted(strand, complete), 7, "echo", 100s, Clock::now()};
    call.ends_at = call.begun_at + 4s;
    call.was_sent = true;
    table.calls.add("a", std::move(call));
    EXPECT_TRUE(co_await eventually([&] { return silent == 1; }));
    EXPECT_TRUE(table.calls.on_heartbeat("a", Clock::now()));
    EXPECT_TRUE(co_await eventually([&] { return result->completions == 1; }));
    EXPECT_TRUE(result->error_as<MeshDeadlineError>());
    EXPECT_EQ(silent, 1);
    EXPECT_EQ(overdue, 0);
    EXPECT_EQ(given_up, 1);
  });
}

TEST(PendingCalls, TellHowManyThereAreAndWhatOfThemWasNotSent) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    const auto add = [&](const char* id) {
      auto ignore = [](const std::exception_ptr&, const std::string&) {};
      PendingCall call{posted(strand, ignore), 7, "echo", 1h, Clock::now(), "12345"};
      table.calls.add(id, std::move(call));
    };
    for (const char* const id : {"a", "b", "c"}) add(id);
    EXPECT_EQ(table.counters.calls_pending, 3U);
    EXPECT_EQ(table.counters.bytes_unsent, 15U);
    for (int i = 0; i < 2; ++i) table.calls.note_sent(*table.calls.find("a"));
    EXPECT_EQ(table.counters.bytes_unsent, 10U);
    table.calls.on_response(Table::response("a", "5"));
    table.calls.cancel("b", nullptr);
    EXPECT_EQ(table.counters.calls_pending, 1U);
    EXPECT_EQ(table.counters.bytes_unsent, 5U);
    table.calls.fail_all_stopped();
    EXPECT_EQ(table.counters.calls_pending, 0U);
    EXPECT_EQ(table.counters.bytes_unsent, 0U);
    const auto stats = table.counters.snapshot().calls.at("echo");
    EXPECT_EQ(stats.succeeded, 1U);
    EXPECT_EQ(stats.cancelled, 1U);
    EXPECT_EQ(stats.other_errors, 1U);
    EXPECT_EQ(stats.latency.count(), 1U);
    co_return;
  });
}

TEST(PendingCalls, TheTimeOfACallThatWaitedForATargetBeginsWithIt) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    const auto result = table.add("a", 10min);
    PendingCall& call = *table.calls.find("a");
    const TimePoint later = Clock::now() + 9min;
    table.calls.on_target_found("a", call, later);
    EXPECT_EQ(call.begun_at, later);
    EXPECT_EQ(call.silent_until, later + 10min);
    EXPECT_EQ(call.deadline, later + 10min);
    call.ends_at = later + 1min;
    table.calls.on_target_found("a", call, later);
    EXPECT_EQ(call.deadline, later + 1min) << "its deadline in total stays";
    table.calls.fail_all_stopped();
    EXPECT_TRUE(co_await eventually([&] { return result->completions == 1; }));
  });
}

TEST(PendingCalls, UnknownIdsAreReported) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    EXPECT_FALSE(table.calls.on_response(Table::response("a", "5")));
    EXPECT_FALSE(table.calls.on_heartbeat("a", Clock::now()));
    EXPECT_FALSE(table.calls.fail("a", nullptr));
    EXPECT_EQ(table.calls.find("a"), nullptr);
    co_return;
  });
}

TEST(PendingCalls, ThoseThatHaveEndedAreKnown) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    const auto answered = table.add("a", 1h);
    const auto given_up = table.add("b", 1h);
    for (const char* const id : {"a", "b", "c"}) EXPECT_FALSE(table.calls.has_ended(id));
    EXPECT_TRUE(table.calls.on_response(Table::response("a", "5")));
    EXPECT_TRUE(table.calls.fail("b", std::make_exception_ptr(MeshError("given up"))));
    EXPECT_TRUE(table.calls.has_ended("a"));
    EXPECT_TRUE(table.calls.has_ended("b"));
    EXPECT_FALSE(table.calls.has_ended("c"));
    EXPECT_TRUE(
        co_await eventually([&] { return answered->completions + given_up->completions == 2; }));
  });
}

TEST(PendingCalls, AnErrorIsAHandlerErrorWithExactlyItsText) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    for (const std::string text : {"boom", ""}) {
      const auto result = table.add("a", 1h);
      EXPECT_TRUE(table.calls.on_response(Table::failure("a", text)));
      EXPECT_TRUE(co_await eventually([&] { return result->completions == 1; }));
      const auto error = result->error_as<MeshHandlerError>();
      CO_ASSERT_TRUE(error);
      EXPECT_EQ(error->what(), text);
    }
    EXPECT_EQ(table.counters.calls_failed, 2U);
  });
}

TEST(PendingCalls, TheNoHandlerTextIsANoHandlerErrorWithTheType) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    const auto result = table.add("a", 1h);
    EXPECT_TRUE(table.calls.on_response(Table::failure("a", "MESH_NO_HANDLER:echo")));
    EXPECT_TRUE(co_await eventually([&] { return result->completions == 1; }));
    const auto error = result->error_as<MeshNoHandlerError>();
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->type(), "echo");
  });
}

TEST(PendingCalls, WithoutAnAnswerTheCallTimesOut) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    const auto begin = Clock::now();
    const auto result = table.add("a", 30ms);
    EXPECT_TRUE(co_await eventually([&] { return result->completions == 1; }));
    EXPECT_GE(Clock::now() - begin, 30ms);
    const auto error = result->error_as<MeshRequestTimeoutError>();
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->instance_id(), 7);
    EXPECT_EQ(error->type(), "echo");
    EXPECT_EQ(table.calls.size(), 0U);
  });
}

TEST(PendingCalls, HeartbeatsPutTheTimeoutOff) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    const auto result = table.add("a", 1s);
    const auto other = table.add("b", 1ms);
    const auto later = Clock::now() + 10min;
    EXPECT_TRUE(table.calls.on_heartbeat("a", later));
    EXPECT_TRUE(co_await eventually([&] { return other->completions == 1; }));
    co_await test::sleep_for(1100ms);
    EXPECT_EQ(result->completions, 0);
    EXPECT_EQ(table.calls.size(), 1U);
    table.calls.fail_all_stopped();
    EXPECT_TRUE(co_await eventually([&] { return result->completions == 1; }));
  });
}

TEST(PendingCalls, HeartbeatsShowThatTheTargetHasReceivedTheCall) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    const auto result = table.add("a", 10min);
    table.calls.find("a")->is_unheard = true;
    EXPECT_TRUE(table.calls.on_heartbeat("a", Clock::now()));
    EXPECT_FALSE(table.calls.find("a")->is_unheard);
    EXPECT_TRUE(table.calls.find("a")->may_have_arrived) << "it must not be sent as a new one";
    table.calls.fail_all_stopped();
    EXPECT_TRUE(co_await eventually([&] { return result->completions == 1; }));
  });
}

TEST(PendingCalls, SilenceIsToldOnceOfCallsThatWereSent) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    std::vector<std::string> silent;
    std::vector<std::string> overdue;
    table.calls.set_silent_callback([&](const RequestId& id) { silent.emplace_back(id.view()); });
    table.calls.set_overdue_callback([&](const RequestId& id) { overdue.emplace_back(id.view()); });
    const auto sent = table.add("sent", 1s);
    const auto held = table.add("held", 10min);
    const auto heard = table.add("heard", 10min);
    for (const char* const id : {"sent", "heard"}) table.calls.find(id)->was_sent = true;
    EXPECT_TRUE(table.calls.on_heartbeat("heard", Clock::now()));
    EXPECT_TRUE(co_await eventually([&] { return sent->completions == 1; }));
    EXPECT_EQ(silent, std::vector<std::string>{"sent"});
    EXPECT_EQ(overdue, std::vector<std::string>{"sent"});
    table.calls.find("held")->was_sent = true;
    CO_ASSERT_TRUE(co_await eventually([&] { return silent.size() == 2; }));
    EXPECT_EQ(silent.back(), "held");
    table.calls.fail_all_stopped();
    EXPECT_TRUE(co_await eventually([&] { return held->completions + heard->completions == 2; }));
  });
}

TEST(PendingCalls, ManyTimeoutsEachCompleteOnce) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    std::vector<std::shared_ptr<Result>> results;
    for (int i = 0; i < 200; ++i) {
      results.push_back(table.add(std::to_string(i), std::chrono::milliseconds(1 + i % 20)));
    }
    EXPECT_TRUE(co_await eventually([&] { return table.calls.size() == 0; }));
    co_await test::sleep_for(5ms);
    for (const auto& result : results) EXPECT_EQ(result->completions, 1);
    EXPECT_EQ(table.counters.calls_failed, 200U);
  });
}

TEST(PendingCalls, FailGivesTheCallItsError) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    const auto result = table.add("a", 1h);
    EXPECT_NE(table.calls.find("a"), nullptr);
    EXPECT_TRUE(
        table.calls.fail("a", std::make_exception_ptr(MeshNodeUnreachableError(7, "echo"))));
    EXPECT_TRUE(co_await eventually([&] { return result->completions == 1; }));
    EXPECT_TRUE(result->error_as<MeshNodeUnreachableError>());
  });
}

TEST(PendingCalls, AllAreFailedWhenTheServiceStops) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    const auto first = table.add("a", 1h);
    const auto second = table.add("b", 1s);
    table.calls.fail_all_stopped();
    EXPECT_EQ(table.calls.size(), 0U);
    EXPECT_TRUE(co_await eventually([&] { return first->completions + second->completions == 2; }));
    EXPECT_TRUE(first->error_as<MeshStoppedError>());
    EXPECT_TRUE(second->error_as<MeshStoppedError>());
  });
}

TEST(PendingCalls, ACompletionMayAddTheNextCall) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    std::shared_ptr<Result> next;
    auto complete = [&](std::exception_ptr, const std::string&) { next = table.add("a", 1h); };
    PendingCall call{posted(strand, complete), 7, "echo", 1h, Clock::now()};
    table.calls.add("a", std::move(call));
    EXPECT_TRUE(table.calls.on_response(Table::response("a", "1")));
    EXPECT_TRUE(co_await eventually([&] { return next != nullptr; }));
    EXPECT_TRUE(table.calls.on_response(Table::response("a", "2")));
    EXPECT_TRUE(co_await eventually([&] { return next->completions == 1; }));
  });
}

TEST(PendingCalls, AnUnreadableResponseEndsTheCallWithAnErrorThatSaysSo) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    Table table(strand);
    const auto too_large = table.add("1", 10min);
    const auto no_json = table.add("2", 10min);
    wire::Malformed message;
    message.reason = "it exceeds MeshLimits::nesting_depth";
    message.exceeds_limit = true;
    EXPECT_TRUE(table.calls.on_unreadable("1", message));
    message.exceeds_limit = false;
    EXPECT_TRUE(table.calls.on_unreadable("2", message));
    EXPECT_FALSE(table.calls.on_unreadable("3", message));
    EXPECT_TRUE(co_await eventually([&] { return too_large->completions == 1; }));
    EXPECT_TRUE(co_await eventually([&] { return no_json->completions == 1; }));
    const auto limit = too_large->error_as<MeshLimitError>();
    EXPECT_TRUE(limit && std::string(limit->what()).find("nesting_depth") != std::string::npos);
    const auto decode = no_json->error_as<MeshDecodeError>();
    EXPECT_TRUE(decode && decode->type() == "echo");
    EXPECT_EQ(table.calls.size(), 0U);
  });
}

}  // namespace
}  // namespace mesh::core
