#include <mesh/log.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include <support/log_capture.hpp>
#include <util/rate_limited_log.hpp>

namespace mesh {
namespace {

using namespace std::chrono_literals;

TEST(Log, LevelsHaveNamesAndAnOrder) {
  EXPECT_EQ(to_string(LogLevel::debug), "debug");
  EXPECT_EQ(to_string(LogLevel::info), "info");
  EXPECT_EQ(to_string(LogLevel::warning), "warning");
  EXPECT_EQ(to_string(LogLevel::error), "error");
  EXPECT_LT(LogLevel::debug, LogLevel::info);
  EXPECT_LT(LogLevel::info, LogLevel::warning);
  EXPECT_LT(LogLevel::warning, LogLevel::error);
}

TEST(Log, StderrSinkWritesLinesOfAtLeastItsLevel) {
  ::testing::internal::CaptureStderr();
  const LogSink sink = stderr_log_sink(LogLevel::warning);
  sink(LogLevel::info, "quiet");
  sink(LogLevel::warning, "loud");
  sink(LogLevel::error, "louder");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_NE(text.find("warning: loud\n"), std::string::npos);
  EXPECT_NE(text.find("error: louder\n"), std::string::npos);
}

TEST(Log, NullSinkDropsEverything) {
  ::testing::internal::CaptureStderr();
  null_log_sink()(LogLevel::error, "gone");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(RateLimitedLog, PassesOneWarningPerIntervalAndCountsTheRest) {
  const test::LogCapture capture;
  RateLimitedLog log(capture.sink());
  const RateLimitedLog::TimePoint start{};
  log.warn(start, "first");
  for (int i = 1; i <= 5; ++i) log.warn(start + i * 1s, "swallowed");
  ASSERT_EQ(capture.lines().size(), 1U);
  EXPECT_EQ(capture.lines().at(0).text, "first");
  EXPECT_EQ(capture.lines().at(0).level, LogLevel::warning);
  log.warn(start + 10s, "second");
  ASSERT_EQ(capture.lines().size(), 2U);
  EXPECT_NE(capture.lines().at(1).text.find("second"), std::string::npos);
  EXPECT_NE(capture.lines().at(1).text.find("5"), std::string::npos);
  log.warn(start + 20s, "third");
  ASSERT_EQ(capture.lines().size(), 3U);
  EXPECT_EQ(capture.lines().at(2).text, "third");
}

}  // namespace
}  // namespace mesh
