#include <mesh/codec/std.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "codec_round_trip.hpp"

namespace mesh::std_chrono_tests {

using namespace std::chrono_literals;
using codec_tests::decode_fault;
using codec_tests::decoded;
using codec_tests::encode_fault;
using codec_tests::encoded;
using codec_tests::expect_same;
using codec_tests::names;

using Time = std::chrono::system_clock::time_point;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::sys_time;
using Milliseconds = std::chrono::milliseconds;

struct Event {
  std::string name;
  Time begin;
  std::optional<Milliseconds> length;

  friend bool operator==(const Event&, const Event&) = default;
};
MESH_JSON_FIELDS(Event, name, begin, length)

namespace {

template <typename Duration>
sys_time<Duration> since_epoch(Duration duration) {
  return sys_time<Duration>(duration);
}

TEST(StdCodecDuration, IsTheNumberOfItsUnits) {
  expect_same(Milliseconds(1500), "1500");
  expect_same(std::chrono::seconds(-3), "-3");
  expect_same(std::chrono::hours(0), "0");
  expect_same(std::chrono::nanoseconds::min(), "-9223372036854775808");
  expect_same(std::chrono::nanoseconds::max(), "9223372036854775807");
  expect_same(std::chrono::duration<std::uint64_t>(~0ULL), "18446744073709551615");
  expect_same(std::chrono::duration<double>(0.25), "0.25");
  expect_same(std::chrono::duration<std::int16_t, std::ratio<60>>(-32768), "-32768");
  expect_same(std::vector<std::chrono::minutes>{5min, 6min}, "[5,6]");
}

TEST(StdCodecDuration, WholeNumbersAreReadHoweverTheyAreWritten) {
  EXPECT_EQ(decoded<Milliseconds>("5.0"), 5ms);
  EXPECT_EQ(decoded<Milliseconds>("5e3"), 5s);
  EXPECT_EQ(decoded<Milliseconds>("1e15"), Milliseconds(1'000'000'000'000'000));
  EXPECT_EQ(decoded<Milliseconds>("-0"), 0ms);
  EXPECT_EQ(decoded<std::chrono::duration<double>>("5").count(), 5.0);
}

TEST(StdCodecDuration, FractionsOfWholeUnitsAreRefused) {
  for (const char* text : {"0.5", "-1.5", "3000000000.5", "1e300", "-1e300", "1e-300"}) {
    EXPECT_NE(decode_fault<Milliseconds>(text).path, "none") << text;
  }
  EXPECT_EQ(decode_fault<Milliseconds>("0.5").cause, "a duration in whole units cannot be 0.5");
}

TEST(StdCodecDuration, WhatDoesNotFitIsRefused) {
  EXPECT_EQ(decode_fault<Milliseconds>("9223372036854775808").path, "");
  EXPECT_EQ(decode_fault<Milliseconds>("18446744073709551615").path, "");
  EXPECT_EQ(decode_fault<Milliseconds>("9223372036854775808.0").path, "");
  using Tiny = std::chrono::duration<std::int8_t>;
  expect_same(Tiny(-128), "-128");
  expect_same(Tiny(127), "127");
  for (const char* text : {"128", "-129", "256", "4294967296", "-4294967296", "128.0"}) {
    EXPECT_EQ(decode_fault<Tiny>(text).path, "") << text;
  }
  using Unsigned = std::chrono::duration<std::uint8_t>;
  EXPECT_EQ(decode_fault<Unsigned>("-1").path, "");
  EXPECT_EQ(decode_fault<Unsigned>("-256").path, "");
}

TEST(StdCodecDuration, OnlyANumberWillDo) {
  for (const char* text : {"null", "true", R"("5")", "[5]", "{}"}) {
    EXPECT_TRUE(names(decode_fault<Milliseconds>(text), "type must be number, but is ")) << text;
  }
}

TEST(StdCodecDuration, ThatIsNoNumberCannotBeWritten) {
  using Seconds = std::chrono::duration<double>;
  EXPECT_TRUE(names(encode_fault(Seconds(std::numeric_limits<double>::quiet_NaN())), "NaN"));
}

TEST(StdCodecTime, IsWhatJavaScriptMakesOfADate) {
  expect_same(Time(), R"("1970-01-01T00:00:00.000Z")");
  expect_same(since_epoch(Milliseconds(1795839562123)), R"("2026-11-28T04:19:22.123Z")");
  expect_same(sys_seconds(1795839562s), R"("2026-11-28T04:19:22.000Z")");
  expect_same(sys_days(std::chrono::days(20785)), R"("2026-11-28T00:00:00.000Z")");
  expect_same(since_epoch(951782400s), R"("2000-02-29T00:00:00.000Z")");
}

TEST(StdCodecTime, BeforeTheEpochIsExact) {
  expect_same(since_epoch(-1ms), R"("1969-12-31T23:59:59.999Z")");
  expect_same(since_epoch(-1s), R"("1969-12-31T23:59:59.000Z")");
  expect_same(since_epoch(-1ns), R"("1969-12-31T23:59:59.999999999Z")");
  expect_same(since_epoch(-62167219200s), R"("0000-01-01T00:00:00.000Z")");
  expect_same(sys_days(std::chrono::days(-1)), R"("1969-12-31T00:00:00.000Z")");
  expect_same(since_epoch(std::chrono::hours(-25)), R"("1969-12-30T23:00:00.000Z")");
}

TEST(StdCodecTime, FinerTimesHaveMoreDigits) {
  expect_same(since_epoch(std::chrono::microseconds(1)), R"("1970-01-01T00:00:00.000001Z")");
  expect_same(since_epoch(1ns), R"("1970-01-01T00:00:00.000000001Z")");
  expect_same(since_epoch(1'000'000ns), R"("1970-01-01T00:00:00.001Z")");
}

TEST(StdCodecTime, LimitsOfTheClockComeThrough) {
  using Nanoseconds = sys_time<std::chrono::nanoseconds>;
  expect_same(Nanoseconds::max(), R"("2262-04-11T23:47:16.854775807Z")");
  expect_same(Nanoseconds::min(), R"("1677-09-21T00:12:43.145224192Z")");
  EXPECT_TRUE(names(decode_fault<Nanoseconds>(R"("2262-04-11T23:47:16.854775808Z")"),
                    "a time that the C++ type cannot hold"));
  EXPECT_TRUE(names(decode_fault<Nanoseconds>(R"("1677-09-21T00:12:43.145224191Z")"),
                    "a time that the C++ type cannot hold"));
  EXPECT_EQ(decode_fault<Nanoseconds>(R"("9999-12-31T23:59:59Z")").path, "");
  EXPECT_EQ(decode_fault<Nanoseconds>(R"("0000-01-01T00:00:00Z")").path, "");
  using Short = sys_time<std::chrono::duration<std::int32_t>>;
  expect_same(Short::max(), R"("2038-01-19T03:14:07.000Z")");
  EXPECT_EQ(decode_fault<Short>(R"("2038-01-19T03:14:08.000Z")").path, "");
}

TEST(StdCodecTime, YearsOutside0To9999CannotBeWritten) {
  expect_same(since_epoch(253402300799s), R"("9999-12-31T23:59:59.000Z")");
  EXPECT_TRUE(names(encode_fault(since_epoch(253402300800s)), "years 0 to 9999"));
  EXPECT_TRUE(names(encode_fault(since_epoch(-62167219201s)), "years 0 to 9999"));
  EXPECT_TRUE(names(encode_fault(sys_seconds::max()), "years 0 to 9999"));
  EXPECT_TRUE(names(encode_fault(sys_seconds::min()), "years 0 to 9999"));
  EXPECT_TRUE(names(encode_fault(since_epoch(std::chrono::duration<std::int64_t, std::ratio<3600>>(
                        std::numeric_limits<std::int64_t>::max()))),
                    "years 0 to 9999"));
}

TEST(StdCodecTime, FloatsAreTimes) {
  using Seconds = std::chrono::duration<double>;
  expect_same(since_epoch(Seconds(1.5)), R"("1970-01-01T00:00:01.500Z")");
  expect_same(since_epoch(Seconds(-1.5)), R"("1969-12-31T23:59:58.500Z")");
  EXPECT_EQ(encoded(since_epoch(Seconds(-1e-30))), R"("1969-12-31T23:59:59.999999999Z")");
  EXPECT_TRUE(names(encode_fault(since_epoch(Seconds(1e300))), "years"));
  EXPECT_TRUE(
      names(encode_fault(since_epoch(Seconds(std::numeric_limits<double>::quiet_NaN()))), "years"));
}

TEST(StdCodecTime, OffsetsAndAnyNumberOfDigitsAreRead) {
  const Time expected(1795839562s);
  for (const char* text : {"2026-11-28T04:19:22Z", "2026-11-28T04:19:22.0Z",
                           "2026-11-28T06:19:22+02:00", "2026-11-27T22:49:22.000-05:30",
                           "2026-11-28T04:19:22.000000000000Z", "2026-11-28T04:19:22-00:00"}) {
    EXPECT_EQ(decoded<Time>('"' + std::string(text) + '"'), expected) << text;
  }
  EXPECT_EQ(decoded<Time>(R"("1970-01-01T00:00:00.5Z")"), Time(500ms));
  EXPECT_EQ(decoded<sys_time<std::chrono::nanoseconds>>(R"("1970-01-01T00:00:00.0000000019Z")"),
            since_epoch(1ns));
}

TEST(StdCodecTime, WhatIsFinerThanTheTypeIsCutOff) {
  EXPECT_EQ(decoded<sys_seconds>(R"("1970-01-01T00:00:01.999Z")"), sys_seconds(1s));
  EXPECT_EQ(decoded<sys_seconds>(R"("1969-12-31T23:59:58.999Z")"), sys_seconds(-2s));
  EXPECT_EQ(decoded<sys_days>(R"("1970-01-02T23:59:59.999Z")"), sys_days(std::chrono::days(1)));
  EXPECT_EQ(decoded<sys_days>(R"("1969-12-31T00:00:00.001Z")"), sys_days(std::chrono::days(-1)));
}

TEST(StdCodecTime, OtherTextsAreRefused) {
  for (const char* text : {"",
                           "now",
                           "2026-11-28",
                           "2026-11-28T04:19:22",
                           "2026-11-28T04:19Z",
                           "2026-11-28 04:19:22Z",
                           "2026-11-28t04:19:22z",
                           "2026-02-29T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-01-32T00:00:00Z",
                           "2026-01-01T24:00:00Z",
                           "2026-01-01T00:60:00Z",
                           "2026-01-01T00:00:60Z",
                           "2026-01-01T00:00:00.Z",
                           "2026-01-01T00:00:00.1",
                           "2026-01-01T00:00:00Z ",
                           " 2026-01-01T00:00:00Z",
                           "2026-01-01T00:00:00+24:00",
                           "2026-01-01T00:00:00+00:60",
                           "2026-01-01T00:00:00+0000",
                           "2026-01-01T00:00:00Z+00:00",
                           "+002026-01-01T00:00:00Z",
                           "-026-01-01T00:00:00Z",
                           "2026-1-1T00:00:00Z",
                           "2026-01-01T00:00:00.1e2Z"}) {
    EXPECT_TRUE(names(decode_fault<Time>('"' + std::string(text) + '"'), "not a time")) << text;
  }
  for (const char* text : {"null", "1795839562123", "true", "[]", "{}"}) {
    EXPECT_TRUE(names(decode_fault<Time>(text), "type must be string, but is ")) << text;
  }
}

TEST(StdCodecTime, EveryTruncationIsRefused) {
  const std::string text = "2026-11-28T04:19:22.123Z";
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(decode_fault<Time>('"' + text.substr(0, size) + '"').path, "") << size;
  }
}

TEST(StdCodecTime, RandomTimesComeThrough) {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<std::int64_t> any(std::numeric_limits<std::int64_t>::min(),
                                                  std::numeric_limits<std::int64_t>::max());
  for (int i = 0; i < 5000; ++i) {
    const auto time = since_epoch(std::chrono::nanoseconds(any(random)));
    EXPECT_EQ((decoded<sys_time<std::chrono::nanoseconds>>(encoded(time))), time);
  }
}

TEST(StdCodecTime, WorksAsMember) {
  expect_same(Event{"start", Time(1ms), 5ms},
              R"({"begin":"1970-01-01T00:00:00.001Z","length":5,"name":"start"})");
  expect_same(Event{"start", Time(), {}}, R"({"begin":"1970-01-01T00:00:00.000Z","name":"start"})");
}

TEST(StdCodecTime, FaultsNameTheField) {
  const std::string begin = R"({"name":"1970-01-01T00:00:00Z","begin":)";
  EXPECT_EQ(decode_fault<Event>(begin + R"("")" + "}").path, "/begin");
  EXPECT_EQ(decode_fault<Event>(begin + "0}").path, "/begin");
  EXPECT_EQ(decode_fault<Event>(begin + R"("1970-01-01T00:00:00Z","length":0.5})").path, "/length");
  EXPECT_EQ(decode_fault<Event>(begin + R"("1970-01-01T00:00:00Z","length":1e300})").path,
            "/length");
  EXPECT_EQ(decode_fault<std::vector<Event>>("[" + begin + R"("x"}])").path, "/0/begin");
}

static_assert(detail::Payload<Time> && detail::Payload<std::chrono::seconds>);
static_assert(!detail::Payload<std::chrono::steady_clock::time_point>);
using Third = std::chrono::duration<std::int64_t, std::ratio<1, 3>>;
static_assert(detail::Payload<Third> && !detail::Payload<sys_time<Third>>);

}  // namespace
}  // namespace mesh::std_chrono_tests
