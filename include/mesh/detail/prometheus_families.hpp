#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>

#include <mesh/stats.hpp>

namespace mesh::detail {

/// Whether it can be the name of a label, and is none that the metrics have themselves.
inline bool is_free_prometheus_label(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto fits = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && is_letter(name.front()) && std::ranges::all_of(name, fits) &&
         !name.starts_with("__") && name != "type" && name != "outcome" && name != "le";
}

/// Whether it can be the value of a label: UTF-8 without zeros. With any other, Prometheus would
/// refuse all that it reads along with it.
inline bool fits_prometheus(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (first == 0 || (first >= 0x80 && first < 0xC2) || first > 0xF4 || text.size() < size)
      return false;
    std::uint32_t code = first & (0xFFU >> (size + 1));
    for (const char c : text.substr(1, size - 1)) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte & 0xC0U) != 0x80) return false;
      code = code << 6U | (byte & 0x3FU);
    }
    if (size == 3 && (code < 0x800 || (code >= 0xD800 && code < 0xE000))) return false;
    if (size == 4 && (code < 0x10000 || code > 0x10FFFF)) return false;
    text.remove_prefix(size);
  }
  return true;
}

inline void add_figures(CallTypeStats& sum, const CallTypeStats& one) {
  sum.succeeded += one.succeeded;
  sum.timed_out += one.timed_out;
  sum.unreachable += one.unreachable;
  sum.refused += one.refused;
  sum.handler_failed += one.handler_failed;
  sum.other_errors += one.other_errors;
  sum.cancelled += one.cancelled;
  sum.latency.merge(one.latency);
}

inline void add_figures(HandlerTypeStats& sum, const HandlerTypeStats& one) {
  sum.succeeded += one.succeeded;
  sum.failed += one.failed;
  sum.refused += one.refused;
  sum.cancelled += one.cancelled;
  sum.latency.merge(one.latency);
}

/// Those that cannot be the value of a label are put under the empty name, among the others that
/// are not told apart.
template <typename TypeStats>
void merge_types_that_do_not_fit(std::map<std::string, TypeStats>& types) {
  for (auto type = types.begin(); type != types.end();) {
    if (fits_prometheus(type->first)) {
      ++type;
    } else {
      add_figures(types[""], type->second);
      type = types.erase(type);
    }
  }
}

struct PrometheusCounter {
  const char* name;
  std::uint64_t MeshStats::*figure;
  const char* help;
};

inline constexpr std::array prometheus_counters = {
    PrometheusCounter{"mesh_calls_sent_total", &MeshStats::calls_sent, "Remote calls begun."},
    PrometheusCounter{"mesh_calls_succeeded_total", &MeshStats::calls_succeeded,
                      "Remote calls that brought a response."},
    PrometheusCounter{"mesh_calls_failed_total", &MeshStats::calls_failed,
                      "Remote calls that ended in an error."},
    PrometheusCounter{"mesh_calls_cancelled_total", &MeshStats::calls_cancelled,
                      "Remote calls that were cancelled by their callers."},
    PrometheusCounter{"mesh_requests_received_total", &MeshStats::requests_received,
                      "Requests from other nodes."},
    PrometheusCounter{"mesh_calls_resent_total", &MeshStats::calls_resent,
                      "Times a request was sent again after a fault."},
    PrometheusCounter{"mesh_calls_rerouted_total", &MeshStats::calls_rerouted,
                      "Times a call to any node went on with another."},
    PrometheusCounter{"mesh_requests_repeated_total", &MeshStats::requests_repeated,
                      "Requests that came again and were not run again."},
    PrometheusCounter{"mesh_requests_refused_total", &MeshStats::requests_refused,
                      "Requests and broadcasts beyond the limits."},
    PrometheusCounter{"mesh_answers_resent_total", &MeshStats::answers_resent,
                      "Times a response was sent again after a fault."},
    PrometheusCounter{"mesh_answers_lost_total", &MeshStats::answers_lost,
                      "Responses that could not be brought to their callers."},
    PrometheusCounter{"mesh_broadcasts_sent_total", &MeshStats::broadcasts_sent,
                      "Broadcasts sent."},
    PrometheusCounter{"mesh_broadcasts_received_total", &MeshStats::broadcasts_received,
                      "Broadcasts received."},
    PrometheusCounter{"mesh_messages_dropped_total", &MeshStats::messages_dropped,
                      "Messages that were malformed, too large or deep, or for nobody."},
    PrometheusCounter{"mesh_messages_late_total", &MeshStats::messages_late,
                      "Messages for calls that had ended."},
    PrometheusCounter{"mesh_reconnects_total", &MeshStats::reconnects,
                      "Connections to Redis that had to be made anew."},
};

/// Makes the families of metrics of nodes that are added one after the other.
class PrometheusFamilies {
 public:
  using Labels = std::map<std::string, std::string>;

  void add(MeshStats stats, const Labels& labels) {
    merge_types_that_do_not_fit(stats.calls);
    merge_types_that_do_not_fit(stats.handlers);
    constant_labels_.clear();
    for (const auto& [name, value] : labels) constant_labels_.push_back({name, value});
    for (const PrometheusCounter& counter : prometheus_counters) {
      auto& series = add_series(family(counter.name, Type::Counter, counter.help), {});
      series.counter.value = static_cast<double>(stats.*counter.figure);
    }
    add_gauges(stats);
    add_calls(stats);
    add_handlers(stats);
  }

  std::vector<prometheus::MetricFamily> take() && { return std::move(families_); }

 private:
  using Type = prometheus::MetricType;
  using Label = prometheus::ClientMetric::Label;
  using Family = prometheus::MetricFamily;

  static constexpr const char* calls = "mesh_calls_total";
  static constexpr const char* handlers = "mesh_handlers_total";
  static constexpr const char* call_latency = "mesh_call_latency_seconds";
  static constexpr const char* handler_latency = "mesh_handler_latency_seconds";

  struct Outcome {
    const char* name;
    std::uint64_t count;
  };

  static constexpr std::array<std::chrono::microseconds, 16> bounds = [] {
    std::array<std::chrono::microseconds, 16> all{};
    std::size_t i = 0;
    for (const int hundreds : {1, 10, 100, 1000, 10000, 100000}) {
      for (const int part : {100, 250, 500}) {
        if (i < all.size()) all[i++] = std::chrono::microseconds(hundreds * part);
      }
    }
    return all;
  }();

  std::vector<Family>::iterator find(std::string_view name) {
    return std::ranges::find(families_, name, &Family::name);
  }

  /// The one of this name, which is made if there is none yet.
  Family& family(const char* name, Type type, const char* help) {
    if (const auto found = find(name); found != families_.end()) return *found;
    Family& made = families_.emplace_back();
    made.name = name;
    made.type = type;
    made.help = help;
    return made;
  }

  void add_gauges(const MeshStats& stats) {
    const auto add = [this](const char* name, double value, const char* help) {
      add_series(family(name, Type::Gauge, help), {}).gauge.value = value;
    };
    const auto number = [](std::uint64_t count) { return static_cast<double>(count); };
    const std::chrono::duration<double> error_at = stats.last_error_at.time_since_epoch();
    add("mesh_calls_pending", number(stats.calls_pending), "Remote calls that have not ended.");
    add("mesh_handlers_running", number(stats.handlers_running), "Handlers that run.");
    add("mesh_requests_queued", number(stats.requests_queued),
        "Requests that wait for a free handler.");
    add("mesh_queued_bytes", number(stats.bytes_queued), "Bytes that wait for Redis.");
    add("mesh_connected", stats.connected ? 1 : 0, "1 if the node is connected to Redis, else 0.");
    add("mesh_last_error_timestamp_seconds", error_at.count(),
        "When the last warning or error was logged, in Unix time, 0 if none was.");
  }

  void add_calls(const MeshStats& stats) {
    family(calls, Type::Counter, "Remote calls that have ended, by type and outcome.");
    family(call_latency, Type::Histogram, "How long remote calls took, by type.");
    for (const auto& [type, one] : stats.calls) {
      add_outcomes(calls, type,
                   {{"succeeded", one.succeeded},
                    {"timed_out", one.timed_out},
                    {"unreachable", one.unreachable},
                    {"refused", one.refused},
                    {"handler_failed", one.handler_failed},
                    {"other_errors", one.other_errors},
                    {"cancelled", one.cancelled}});
      add_latency(call_latency, type, one.latency);
    }
  }

  void add_handlers(const MeshStats& stats) {
    family(handlers, Type::Counter, "Requests of other nodes, by type and outcome.");
    family(handler_latency, Type::Histogram, "How long requests took to be answered, by type.");
    for (const auto& [type, one] : stats.handlers) {
      add_outcomes(handlers, type,
                   {{"succeeded", one.succeeded},
                    {"failed", one.failed},
                    {"refused", one.refused},
                    {"cancelled", one.cancelled}});
      add_latency(handler_latency, type, one.latency);
    }
  }

  /// Also those that are 0: a rate needs a series that was there before it grew.
  void add_outcomes(const char* name, const std::string& type,
                    std::initializer_list<Outcome> outcomes) {
    for (const Outcome& outcome : outcomes) {
      auto& series = add_series(*find(name), {{"type", type}, {"outcome", outcome.name}});
      series.counter.value = static_cast<double>(outcome.count);
    }
  }

  /// What may be beyond a bound counts as beyond it, which is at most what was within 3.2 % below
  /// it.
  void add_latency(const char* name, const std::string& type, const LatencyHistogram& latency) {
    auto& histogram = add_series(*find(name), {{"type", type}}).histogram;
    histogram.sample_count = latency.count();
    histogram.sample_sum = std::chrono::duration<double>(latency.sum()).count();
    const std::vector<LatencyHistogram::Bucket> recorded = latency.buckets();
    auto next = recorded.begin();
    std::uint64_t below = 0;
    for (const std::chrono::microseconds bound : bounds) {
      for (; next != recorded.end() && next->upper_bound <= bound; ++next) below += next->count;
      histogram.bucket.push_back({below, static_cast<double>(bound.count()) / 1e6});
    }
    histogram.bucket.push_back({latency.count(), std::numeric_limits<double>::infinity()});
  }

  prometheus::ClientMetric& add_series(Family& family, std::vector<Label> labels) {
    prometheus::ClientMetric& series = family.metric.emplace_back();
    series.label = constant_labels_;
    std::ranges::move(labels, std::back_inserter(series.label));
    return series;
  }

  std::vector<Label> constant_labels_;
  std::vector<Family> families_;
};

}  // namespace mesh::detail
