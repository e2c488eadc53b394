#include <introspection/figures_by_type.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <string>
#include <thread>

#include <mesh/errors.hpp>

namespace mesh::introspection {
namespace {

using namespace std::chrono_literals;

template <typename Error>
CallEnding ending_of_error(Error error) {
  return ending_of(std::make_exception_ptr(std::move(error)));
}

TEST(FiguresByType, TellTheOutcomesOfEachType) {
  CallFigures figures;
  const auto note = [&](const char* type, CallEnding ending, std::chrono::nanoseconds duration) {
    figures.note(type, ending, [duration] { return duration; });
  };
  note("a", CallEnding::succeeded, 2ms);
  note("b", CallEnding::timed_out, 3s);
  note("a", CallEnding::succeeded, 4ms);
  note("a", CallEnding::handler_failed, 1ms);
  note("b", CallEnding::cancelled, 1h);
  note("b", CallEnding::unreachable, 1h);
  note("b", CallEnding::refused, 1h);
  note("b", CallEnding::other_error, 1h);
  const auto stats = snapshot(figures);
  ASSERT_EQ(stats.size(), 2U);
  EXPECT_EQ(stats.at("a").succeeded, 2U);
  EXPECT_EQ(stats.at("a").handler_failed, 1U);
  EXPECT_EQ(stats.at("a").latency.count(), 3U);
  EXPECT_EQ(stats.at("a").latency.sum(), 7ms);
  EXPECT_EQ(stats.at("a").latency.max(), 4ms);
  const CallTypeStats& b = stats.at("b");
  EXPECT_EQ(b.timed_out, 1U);
  EXPECT_EQ(b.cancelled, 1U);
  EXPECT_EQ(b.unreachable, 1U);
  EXPECT_EQ(b.refused, 1U);
  EXPECT_EQ(b.other_errors, 1U);
  EXPECT_EQ(b.latency.count(), 1U);
}

TEST(FiguresByType, RecordAsAHistogramDoes) {
  LatencyRecorder recorder;
  LatencyHistogram histogram;
  for (const std::chrono::nanoseconds duration :
       {std::chrono::nanoseconds(-5), 0ns, 700ns, 1500ns, 20000ns, 3600000000000ns,
        std::chrono::nanoseconds::max()}) {
    recorder.record(duration);
    histogram.record(duration);
  }
  EXPECT_EQ(recorder.snapshot(), histogram);
}

TEST(FiguresByType, KeepABoundedNumberOfTypes) {
  HandlerFigures figures;
  const auto note = [&](const std::string& type) {
    figures.note(type, HandlerEnding::succeeded, [] { return 1ms; });
  };
  note(std::string(HandlerFigures::longest_name + 1, 'x'));
  for (std::size_t i = 0; i < 2 * HandlerFigures::most_types; ++i) note(std::to_string(i));
  note(std::string(HandlerFigures::longest_name, 'x'));
  note("0");
  const auto stats = snapshot(figures);
  // The empty name is one of them, since it came before the table was full.
  EXPECT_EQ(stats.size(), HandlerFigures::most_types);
  EXPECT_EQ(stats.at("0").succeeded, 2U);
  EXPECT_EQ(stats.at("").succeeded, HandlerFigures::most_types + 3);
}

TEST(FiguresByType, TellErrorsOfCallsApart) {
  EXPECT_EQ(ending_of(nullptr), CallEnding::succeeded);
  EXPECT_EQ(ending_of_error(MeshRequestTimeoutError(1, "t", 1s)), CallEnding::timed_out);
  EXPECT_EQ(ending_of_error(MeshDeadlineError(1, "t", Executed::no)), CallEnding::timed_out);
  EXPECT_EQ(ending_of_error(MeshNodeUnreachableError(1, "t")), CallEnding::unreachable);
  EXPECT_EQ(ending_of_error(MeshRefusedError("no", Refusal::busy)), CallEnding::refused);
  EXPECT_EQ(ending_of_error(MeshHandlerError("no")), CallEnding::handler_failed);
  EXPECT_EQ(ending_of_error(MeshNoHandlerError("t")), CallEnding::other_error);
  EXPECT_EQ(ending_of_error(MeshStoppedError()), CallEnding::other_error);
  EXPECT_EQ(ending_of_error(1), CallEnding::other_error);
}

TEST(FiguresByType, AreReadWhileTheyGrow) {
  CallFigures figures;
  std::atomic<bool> has_ended = false;
  std::thread strand([&] {
    for (int i = 0; i < 20000; ++i) {
      figures.note(std::to_string(i % 300), CallEnding::succeeded, [] { return 1ms; });
    }
    has_ended = true;
  });
  std::uint64_t before = 0;
  while (!has_ended) {
    std::uint64_t all = 0;
    for (const auto& one : snapshot(figures)) all += one.second.latency.count();
    EXPECT_GE(all, before);
    before = all;
  }
  strand.join();
  std::uint64_t all = 0;
  for (const auto& one : snapshot(figures)) all += one.second.succeeded;
  EXPECT_EQ(all, 20000U);
}

}  // namespace
}  // namespace mesh::introspection
