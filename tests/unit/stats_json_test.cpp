#include <introspection/stats_json.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include <nlohmann/json.hpp>

namespace mesh::introspection {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

TEST(StatsJson, HasEveryFigure) {
  MeshStats stats;
  std::uint64_t next = 0;
  for (std::uint64_t* const figure :
       {&stats.calls_sent,        &stats.calls_succeeded,   &stats.calls_failed,
        &stats.calls_cancelled,   &stats.requests_received, &stats.calls_resent,
        &stats.requests_repeated, &stats.requests_refused,  &stats.answers_resent,
        &stats.answers_lost,      &stats.broadcasts_sent,   &stats.broadcasts_received,
        &stats.messages_dropped,  &stats.messages_late,     &stats.reconnects,
        &stats.calls_pending,     &stats.handlers_running,  &stats.requests_queued,
        &stats.bytes_queued,      &stats.calls_rerouted}) {
    *figure = ++next;
  }
  stats.connected = true;
  stats.last_error = "half of a \xe2\x82";
  stats.last_error_at = std::chrono::system_clock::time_point(1700000000123ms);
  CallTypeStats& calls = stats.calls["get \"it\""];
  calls.succeeded = 1;
  calls.timed_out = 2;
  calls.unreachable = 3;
  calls.refused = 4;
  calls.handler_failed = 5;
  calls.other_errors = 6;
  calls.cancelled = 7;
  calls.latency.record(1us);
  calls.latency.record(1us);
  calls.latency.record(1500us);
  HandlerTypeStats& handlers = stats.handlers[""];
  handlers.succeeded = 8;
  handlers.failed = 9;
  handlers.refused = 10;
  handlers.cancelled = 11;

  const json expected = json::parse(R"({
    "callsSent":1, "callsSucceeded":2, "callsFailed":3, "callsCancelled":4, "requestsReceived":5,
    "callsResent":6, "requestsRepeated":7, "requestsRefused":8, "answersResent":9,
    "answersLost":10, "broadcastsSent":11, "broadcastsReceived":12, "messagesDropped":13,
    "messagesLate":14, "reconnects":15, "callsPending":16, "handlersRunning":17,
    "requestsQueued":18, "bytesQueued":19, "callsRerouted":20, "connected":true, "lastError":"half of a \uFFFD\uFFFD",
    "lastErrorAtMs":1700000000123,
    "calls": {"get \"it\"": {"succeeded":1, "timedOut":2, "unreachable":3, "refused":4,
      "handlerFailed":5, "otherErrors":6, "cancelled":7,
      "latency": {"count":3, "sumUs":1502, "maxUs":1500, "buckets":[[1.008,2],[1507.328,1]]}}},
    "handlers": {"": {"succeeded":8, "failed":9, "refused":10, "cancelled":11,
      "latency": {"count":0, "sumUs":0, "maxUs":0, "buckets":[]}}}
  })");
  EXPECT_EQ(json::parse(to_json(stats)), expected) << to_json(stats);
}

TEST(StatsJson, OfNothingIsAllZeros) {
  const json stats = json::parse(to_json(MeshStats()));
  EXPECT_EQ(stats.at("callsSent"), 0);
  EXPECT_EQ(stats.at("connected"), false);
  EXPECT_EQ(stats.at("lastError"), "");
  EXPECT_EQ(stats.at("lastErrorAtMs"), 0);
  EXPECT_EQ(stats.at("calls"), json::object());
  EXPECT_EQ(stats.at("handlers"), json::object());
}

TEST(StatsJson, OfVeryManyTypesHasNoLatencies) {
  MeshStats stats;
  stats.calls["x"].latency.record(5us);
  EXPECT_EQ(to_bounded_json(stats), to_json(stats));
  for (int type = 0; type < 256; ++type) {
    CallTypeStats& calls = stats.calls[std::to_string(type)];
    calls.succeeded = 7;
    for (int i = 0; i < 1000; ++i)
      calls.latency.record(std::chrono::microseconds(1 << (i % 30)) * (100 + i % 32) / 100);
  }
  EXPECT_GT(to_json(stats).size(), std::size_t{1} << 20U);
  const json bounded = json::parse(to_bounded_json(stats));
  EXPECT_EQ(bounded.at("calls").size(), 257U);
  EXPECT_EQ(bounded.at("calls").at("255").at("succeeded"), 7);
  EXPECT_EQ(bounded.at("calls").at("255").at("latency").at("count"), 0);
}

}  // namespace
}  // namespace mesh::introspection
