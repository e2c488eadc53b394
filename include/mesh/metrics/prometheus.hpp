#pragma once

/// For programs that are watched with Prometheus, by the library prometheus-cpp, of which this
/// library itself knows nothing. With CMake it is the component `prometheus`, with the target
/// `MeshService::prometheus`. docs/observability.md has a table of the metrics.

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <mesh/detail/prometheus_families.hpp>
#include <mesh/stats.hpp>

namespace mesh {

/// Labels that all series of a node have, by their names, such as `{{"app", "shop"}}`.
using PrometheusLabels = std::map<std::string, std::string>;

/// A node whose figures are given to Prometheus.
struct PrometheusSource {
  /// Gives the node's figures, such as `[&node] { return node.stats(); }`. It is called by the
  /// thread that collects, by several at once if several collect, and must work as long as the
  /// collectable exists.
  std::function<MeshStats()> stats;
  /// Nodes of one collectable need different ones.
  PrometheusLabels labels;
};

/// Gives what nodes have counted to Prometheus, when it asks. Nothing is kept in between.
///
/// The families are the same each time. A type of message has its series from the end of the first
/// call or request of that type on. A node has at most 257 types of calls and as many of handlers,
/// and so at most some 13,000 series.
///
/// Nodes of one process that share a registry should share a collectable, since a family must occur
/// only once in what Prometheus reads.
class PrometheusCollectable : public prometheus::Collectable {
 public:
  /// Throws `std::invalid_argument` if a source has no function, if the name of a label is none by
  /// the rules of Prometheus, begins with `__`, or is one of those that the metrics have
  /// themselves, `type`, `outcome` and `le`, if the value of one is not UTF-8 or has a zero in it,
  /// or if two sources have the same labels.
  explicit PrometheusCollectable(std::vector<PrometheusSource> sources)
      : sources_(std::move(sources)) {
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      check(sources_[i]);
      for (std::size_t j = 0; j < i; ++j) {
        if (sources_[i].labels == sources_[j].labels)
          throw std::invalid_argument("two sources of PrometheusCollectable have the same labels");
      }
    }
  }
  /// The same for one node.
  explicit PrometheusCollectable(std::function<MeshStats()> stats, PrometheusLabels labels = {})
      : PrometheusCollectable(one(std::move(stats), std::move(labels))) {}

  /// May be called from several threads at once. A node whose function throws has no series this
  /// time, so that Prometheus takes them for gone, and not for zero.
  std::vector<prometheus::MetricFamily> Collect() const override {
    detail::PrometheusFamilies families;
    for (const PrometheusSource& source : sources_) {
      MeshStats stats;
      try {
        stats = source.stats();
      } catch (...) {  // an exporter's thread may have nobody who catches it
        continue;
      }
      families.add(std::move(stats), source.labels);
    }
    return std::move(families).take();
  }

 private:
  static std::vector<PrometheusSource> one(std::function<MeshStats()> stats,
                                           PrometheusLabels labels) {
    std::vector<PrometheusSource> sources;
    sources.push_back({std::move(stats), std::move(labels)});
    return sources;
  }

  static void check(const PrometheusSource& source) {
    if (!source.stats)
      throw std::invalid_argument("the function of PrometheusCollectable must not be empty");
    for (const auto& [name, value] : source.labels) {
      if (!detail::is_free_prometheus_label(name))
        throw std::invalid_argument("PrometheusCollectable cannot have a label with the name '" +
                                    name + "'");
      if (!detail::fits_prometheus(value))
        throw std::invalid_argument("the label " + name + " of PrometheusCollectable is not UTF-8");
    }
  }

  std::vector<PrometheusSource> sources_;
};

}  // namespace mesh
