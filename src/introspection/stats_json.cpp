#include <introspection/stats_json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string_view>

#include <wire/json_writer.hpp>

namespace mesh::introspection {

namespace {

using wire::ObjectWriter;

// The shortest text that says it: buckets end between whole microseconds.
void append_microseconds(std::string& json, std::chrono::nanoseconds time) {
  const double value = std::chrono::duration<double, std::micro>(time).count();
  std::array<char, 32> text{};
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  json.append(text.data(), end);
}

void append(std::string& json, const LatencyHistogram& histogram) {
  ObjectWriter object(json);
  object.number("count", histogram.count())
      .number("sumUs", static_cast<std::uint64_t>(histogram.sum().count()))
      .member("maxUs", [&](std::string& text) { append_microseconds(text, histogram.max()); })
      .member("buckets", [&](std::string& text) {
        char before = '[';
        for (const LatencyHistogram::Bucket& bucket : histogram.buckets()) {
          text += before;
          text += '[';
          append_microseconds(text, bucket.upper_bound);
          text += ',';
          text += std::to_string(bucket.count);
          text += ']';
          before = ',';
        }
        if (before == '[') text += before;
        text += ']';
      });
  object.end();
}

void append(std::string& json, const CallTypeStats& stats) {
  ObjectWriter object(json);
  object.number("succeeded", stats.succeeded)
      .number("timedOut", stats.timed_out)
      .number("unreachable", stats.unreachable)
      .number("refused", stats.refused)
      .number("handlerFailed", stats.handler_failed)
      .number("otherErrors", stats.other_errors)
      .number("cancelled", stats.cancelled)
      .member("latency", [&](std::string& text) { append(text, stats.latency); });
  object.end();
}

void append(std::string& json, const HandlerTypeStats& stats) {
  ObjectWriter object(json);
  object.number("succeeded", stats.succeeded)
      .number("failed", stats.failed)
      .number("refused", stats.refused)
      .number("cancelled", stats.cancelled)
      .member("latency", [&](std::string& text) { append(text, stats.latency); });
  object.end();
}

template <typename TypeStats>
void append_all(std::string& json, const std::map<std::string, TypeStats>& by_type) {
  ObjectWriter object(json);
  for (const auto& one : by_type) {
    object.member(one.first, [&one](std::string& text) { append(text, one.second); });
  }
  object.end();
}

std::uint64_t milliseconds_since_epoch(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  return static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0));
}

}  // namespace

std::string to_json(const MeshStats& stats) {
  std::string json;
  ObjectWriter object(json);
  object.number("callsSent", stats.calls_sent)
      .number("callsSucceeded", stats.calls_succeeded)
      .number("callsFailed", stats.calls_failed)
      .number("callsCancelled", stats.calls_cancelled)
      .number("requestsReceived", stats.requests_received)
      .number("callsResent", stats.calls_resent)
      .number("requestsRepeated", stats.requests_repeated)
      .number("requestsRefused", stats.requests_refused)
      .number("answersResent", stats.answers_resent)
      .number("answersLost", stats.answers_lost)
      .number("broadcastsSent", stats.broadcasts_sent)
      .number("broadcastsReceived", stats.broadcasts_received)
      .number("messagesDropped", stats.messages_dropped)
      .number("messagesLate", stats.messages_late)
      .number("reconnects", stats.reconnects)
      .number("callsRerouted", stats.calls_rerouted)
      .number("callsPending", stats.calls_pending)
      .number("handlersRunning", stats.handlers_running)
      .number("requestsQueued", stats.requests_queued)
      .number("bytesQueued", stats.bytes_queued)
      .member("connected", [&](std::string& text) { text += stats.connected ? "true" : "false"; })
      .text("lastError", stats.last_error)
      .number("lastErrorAtMs", milliseconds_since_epoch(stats.last_error_at))
      .member("calls", [&](std::string& text) { append_all(text, stats.calls); })
      .member("handlers", [&](std::string& text) { append_all(text, stats.handlers); });
  object.end();
  return json;
}

std::string to_bounded_json(const MeshStats& stats) {
  constexpr std::size_t longest = std::size_t{1} << 20U;
  std::string json = to_json(stats);
  if (json.size() <= longest) return json;
  MeshStats shorter = stats;
  const auto only_count = [](auto& by_type) {
    for (auto& one : by_type) one.second.latency = LatencyHistogram();
  };
  only_count(shorter.calls);
  only_count(shorter.handlers);
  return to_json(shorter);
}

}  // namespace mesh::introspection
