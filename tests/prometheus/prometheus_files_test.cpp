#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include <mesh/metrics/prometheus.hpp>
#include <nlohmann/json.hpp>

namespace mesh::test {
namespace {

std::string docs_file(const std::string& name) {
  std::ifstream file(MESH_TEST_DOCS "/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// By which Prometheus finds them.
std::set<std::string> names_of_series() {
  std::set<std::string> names;
  for (const auto& family : PrometheusCollectable([] { return MeshStats{}; }).Collect()) {
    if (family.type != prometheus::MetricType::Histogram) {
      names.insert(family.name);
      continue;
    }
    for (const char* const part : {"_bucket", "_sum", "_count"}) names.insert(family.name + part);
  }
  return names;
}

std::set<std::string> metrics_in(const std::string& text) {
  const std::regex metric("mesh_[a-z0-9_]+");
  std::set<std::string> names;
  for (std::sregex_iterator found(text.begin(), text.end(), metric), end; found != end; ++found)
    names.insert(found->str());
  return names;
}

void expect_known_metrics(const std::string& text, std::size_t at_least) {
  const std::set<std::string> known = names_of_series();
  const std::set<std::string> used = metrics_in(text);
  EXPECT_GE(used.size(), at_least);
  for (const std::string& name : used) EXPECT_TRUE(known.contains(name)) << name;
}

TEST(PrometheusFiles, TheDashboardShowsMetricsThatThereAre) {
  const auto dashboard = nlohmann::json::parse(docs_file("prometheus/dashboard.json"));
  std::set<int> ids;
  std::string expressions;
  for (const auto& panel : dashboard.at("panels")) {
    EXPECT_TRUE(ids.insert(panel.at("id").get<int>()).second) << panel.at("title");
    for (const auto& target : panel.at("targets"))
      expressions += target.at("expr").get<std::string>() + '\n';
  }
  for (const auto& variable : dashboard.at("templating").at("list"))
    expressions += variable.at("query").get<std::string>() + '\n';
  expect_known_metrics(expressions, 9);
}

TEST(PrometheusFiles, AlertsAskForMetricsThatThereAre) {
  const std::string alerts = docs_file("prometheus/alerts.yml");
  EXPECT_TRUE(alerts.starts_with("# ") && alerts.find("\ngroups:\n") != std::string::npos);
  EXPECT_EQ(alerts.find('\t'), std::string::npos);
  expect_known_metrics(alerts, 7);
}

TEST(PrometheusFiles, TheTableNamesEachMetric) {
  const std::string page = docs_file("observability.md");
  const std::regex row(R"(\n\| `(mesh_[a-z0-9_]+)` \| (counter|gauge|histogram) \|)");
  std::set<std::string> rows;
  for (std::sregex_iterator found(page.begin(), page.end(), row), end; found != end; ++found)
    rows.insert((*found)[1].str() + ' ' + (*found)[2].str());
  std::set<std::string> families;
  for (const auto& family : PrometheusCollectable([] { return MeshStats{}; }).Collect()) {
    const bool is_counter = family.type == prometheus::MetricType::Counter;
    const bool is_gauge = family.type == prometheus::MetricType::Gauge;
    families.insert(family.name + (is_counter ? " counter" : is_gauge ? " gauge" : " histogram"));
  }
  EXPECT_EQ(rows, families);
}

}  // namespace
}  // namespace mesh::test
