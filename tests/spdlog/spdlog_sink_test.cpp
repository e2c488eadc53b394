#include <mesh/log/spdlog.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/ostream_sink.h>

namespace mesh {
namespace {

class SpdlogSink : public ::testing::Test {
 protected:
  SpdlogSink() {
    logger_->set_pattern("%l: %v");
    logger_->set_level(spdlog::level::debug);
  }

  std::string take() {
    std::string text = lines_.str();
    lines_.str("");
    return text;
  }

  std::ostringstream lines_;
  std::shared_ptr<spdlog::logger> logger_ = std::make_shared<spdlog::logger>(
      "mesh", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_));
};

TEST_F(SpdlogSink, PassesLinesOnWithTheirLevels) {
  const LogSink sink = spdlog_sink(logger_);
  sink(LogLevel::debug, "one");
  sink(LogLevel::info, "two");
  sink(LogLevel::warning, "three");
  sink(LogLevel::error, "four");
  EXPECT_EQ(take(), "debug: one\ninfo: two\nwarning: three\nerror: four\n");
}

TEST_F(SpdlogSink, TakesLinesForTextsOfAnyLength) {
  const LogSink sink = spdlog_sink(logger_);
  const std::string line = "{} %s {:d} {";
  sink(LogLevel::info, std::string_view(line).substr(0, 10));
  EXPECT_EQ(take(), "info: {} %s {:d}\n");
}

TEST_F(SpdlogSink, LeavesTheLevelToTheLogger) {
  const LogSink sink = spdlog_sink(logger_);
  logger_->set_level(spdlog::level::err);
  sink(LogLevel::warning, "quiet");
  sink(LogLevel::error, "loud");
  EXPECT_EQ(take(), "error: loud\n");
  logger_->set_level(spdlog::level::info);
  sink(LogLevel::warning, "not quiet");
  EXPECT_EQ(take(), "warning: not quiet\n");
}

TEST_F(SpdlogSink, NeedsALogger) { EXPECT_THROW(spdlog_sink(nullptr), std::invalid_argument); }

/// Throws what it was made for.
template <typename Thrown>
class FailingSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit FailingSink(Thrown thrown) : thrown_(thrown) {}

 private:
  void sink_it_(const spdlog::details::log_msg& /*line*/) override { throw thrown_; }
  void flush_() override {}

  Thrown thrown_;
};

template <typename Thrown>
int errors_of_logger_that_throws(Thrown thrown) {
  int errors = 0;
  spdlog::logger logger("mesh", std::make_shared<FailingSink<Thrown>>(thrown));
  logger.set_error_handler([&errors](const std::string&) { ++errors; });
  const LogSink sink = spdlog_sink(std::make_shared<spdlog::logger>(std::move(logger)));
  EXPECT_NO_THROW(sink(LogLevel::error, "lost"));
  return errors;
}

TEST_F(SpdlogSink, LeavesErrorsToTheLogger) {
  EXPECT_EQ(errors_of_logger_that_throws(std::runtime_error("disk full")), 1);
  EXPECT_EQ(errors_of_logger_that_throws(5), 1);
}

}  // namespace
}  // namespace mesh
