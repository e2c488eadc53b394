#pragma once

#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

namespace mesh::test {

/// What Prometheus would read.
struct PrometheusText {
  std::map<std::string, std::string> types;  ///< Of the families, by their names.
  std::map<std::string, double> samples;     ///< By the names with the labels.
};

/// Throws if it is not in the text format of Prometheus, or anything is in it twice.
inline PrometheusText read_prometheus(const std::string& text) {
  PrometheusText result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    bool is_good = true;
    if (line.starts_with("# TYPE ")) {
      const auto space = line.find(' ', 7);
      is_good = result.types.emplace(line.substr(7, space - 7), line.substr(space + 1)).second;
    } else if (!line.starts_with("# HELP ")) {
      const auto space = line.rfind(' ');
      const std::string series = line.substr(0, space);
      is_good = series.find('{') == std::string::npos || series.ends_with("}");
      std::size_t used = 0;
      const std::string value = line.substr(space + 1);
      const double number = std::stod(value, &used);
      is_good = is_good && used == value.size() && result.samples.emplace(series, number).second;
    }
    if (!is_good) throw std::runtime_error("not for Prometheus: " + line);
  }
  return result;
}

inline PrometheusText read_prometheus(const prometheus::Collectable& collectable) {
  return read_prometheus(prometheus::TextSerializer().Serialize(collectable.Collect()));
}

}  // namespace mesh::test
