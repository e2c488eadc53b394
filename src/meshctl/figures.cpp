#include <meshctl/figures.hpp>

#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

#include <introspection/latency_buckets.hpp>

namespace mesh::ctl {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

namespace {

std::uint64_t count_in(const std::map<std::string, std::uint64_t>& counts,
                       const std::string& name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

void add_counts(std::map<std::string, std::uint64_t>& to,
                const std::map<std::string, std::uint64_t>& from) {
  for (const auto& [name, count] : from) to[name] += count;
}

// What is no number of microseconds counts as none.
nanoseconds nanoseconds_in(const Json& microseconds_value) {
  constexpr double longest_us = 3.6e9;
  const double value = microseconds_value.is_number() ? microseconds_value.get<double>() : 0;
  if (!(value > 0)) return nanoseconds::zero();
  return nanoseconds(std::llround(std::min(value, longest_us) * 1000));
}

LatencyHistogram read_latency(const Json& json) {
  if (!json.is_object() || !json.contains("buckets") || !json["buckets"].is_array()) return {};
  std::vector<std::uint64_t> counts(introspection::bucket_count);
  for (const Json& bucket : json["buckets"]) {
    if (!bucket.is_array() || bucket.size() != 2 || !bucket[1].is_number_unsigned()) continue;
    const nanoseconds last = nanoseconds_in(bucket[0]) - nanoseconds(1);  // the bound is beyond
    const nanoseconds inside = introspection::clamp_latency(last);
    counts[introspection::bucket_of(inside)] += bucket[1].get<std::uint64_t>();
  }
  const std::uint64_t sum = json.contains("sumUs") && json["sumUs"].is_number_unsigned()
                                ? json["sumUs"].get<std::uint64_t>()
                                : 0;
  const nanoseconds max =
      json.contains("maxUs") ? nanoseconds_in(json["maxUs"]) : nanoseconds::zero();
  return {std::move(counts), microseconds(sum), max};
}

std::map<std::string, std::uint64_t> read_counts(const Json& json) {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [name, value] : json.items()) {
    if (value.is_number_unsigned() && !name.ends_with("AtMs")) counts[name] = value;
  }
  return counts;
}

std::map<std::string, TypeFigures> read_types(const Json& json, const char* member) {
  std::map<std::string, TypeFigures> types;
  if (!json.contains(member) || !json[member].is_object()) return types;
  for (const auto& [type, value] : json[member].items()) {
    if (!value.is_object()) continue;
    TypeFigures figures{read_counts(value), {}};
    if (value.contains("latency")) figures.latency = read_latency(value["latency"]);
    types[type] = std::move(figures);
  }
  return types;
}

void add_types(std::map<std::string, TypeFigures>& to,
               const std::map<std::string, TypeFigures>& from) {
  for (const auto& [type, figures] : from) {
    add_counts(to[type].counts, figures.counts);
    to[type].latency.merge(figures.latency);
  }
}

Json to_json(const std::map<std::string, TypeFigures>& types) {
  Json json = Json::object();
  for (const auto& [type, figures] : types) {
    json[type] = figures.counts;
    json[type]["latency"] = ctl::to_json(figures.latency);
  }
  return json;
}

}  // namespace

std::uint64_t TypeFigures::count(const std::string& name) const { return count_in(counts, name); }

std::uint64_t Figures::count(const std::string& name) const { return count_in(counts, name); }

void Figures::add(const Figures& other) {
  add_counts(counts, other.counts);
  add_types(calls, other.calls);
  add_types(handlers, other.handlers);
}

Figures read_figures(const std::string& json) {
  const Json document = Json::parse(json, nullptr, false);
  if (!document.is_object()) {
    throw UsageError("a node's figures are no JSON object", "is it of a later version?");
  }
  return {read_counts(document), read_types(document, "calls"), read_types(document, "handlers")};
}

asio::awaitable<std::optional<Figures>> ask_figures(Session& session, InstanceId id,
                                                    std::chrono::milliseconds timeout) {
  const InvokeOptions options{.timeout = timeout};
  const std::string nothing = "null";
  try {
    const std::string json = co_await session.node->invoke_raw(id, "$mesh.stats", nothing, options);
    co_return read_figures(json);
  } catch (const MeshNoHandlerError&) {
    co_return std::nullopt;
  }
}

Json to_json(const LatencyHistogram& latency) {
  const auto in_microseconds = [](nanoseconds time) {
    return std::chrono::duration<double, std::micro>(time).count();
  };
  Json json;
  json["count"] = latency.count();
  json["sumUs"] = latency.sum().count();
  json["p50Us"] = in_microseconds(latency.quantile(0.5));
  json["p90Us"] = in_microseconds(latency.quantile(0.9));
  json["p99Us"] = in_microseconds(latency.quantile(0.99));
  json["maxUs"] = in_microseconds(latency.max());
  return json;
}

Json to_json(const Figures& figures) {
  Json json = figures.counts;
  json["calls"] = to_json(figures.calls);
  json["handlers"] = to_json(figures.handlers);
  return json;
}

}  // namespace mesh::ctl
