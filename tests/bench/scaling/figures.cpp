#include "figures.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <set>
#include <sstream>

namespace mesh::bench {

namespace {

std::string to_text(double value) {
  std::ostringstream text;
  const double size = std::abs(value);
  text << std::fixed << std::setprecision(size >= 1000 ? 0 : size >= 10 ? 1 : 3) << value;
  return text.str();
}

}  // namespace

void Figures::set(const std::string& name, std::size_t nodes, double value) {
  if (!values_.contains(name)) names_.push_back(name);
  values_[name][nodes] = value;
}

std::optional<double> Figures::get(const std::string& name, std::size_t nodes) const {
  const auto figure = values_.find(name);
  if (figure == values_.end()) return std::nullopt;
  const auto value = figure->second.find(nodes);
  if (value == figure->second.end()) return std::nullopt;
  return value->second;
}

std::vector<std::size_t> Figures::sizes() const {
  std::set<std::size_t> sizes;
  for (const auto& [name, values] : values_) {
    for (const auto& [nodes, value] : values) sizes.insert(nodes);
  }
  return {sizes.begin(), sizes.end()};
}

void Figures::print_table(std::ostream& out) const {
  constexpr int name_width = 52;
  constexpr int value_width = 12;
  out << std::left << std::setw(name_width) << "nodes" << std::right;
  for (const std::size_t nodes : sizes()) out << std::setw(value_width) << nodes;
  out << '\n';
  for (const std::string& name : names_) {
    out << std::left << std::setw(name_width) << name << std::right;
    for (const std::size_t nodes : sizes()) {
      const auto value = get(name, nodes);
      out << std::setw(value_width) << (value ? to_text(*value) : "-");
    }
    out << '\n';
  }
}

void Figures::print_lines(std::ostream& out) const {
  for (const std::string& name : names_) {
    for (const auto& [nodes, value] : values_.at(name)) {
      out << program_ << '.' << name << '.' << nodes << '=' << to_text(value) << '\n';
    }
  }
  const auto all = sizes();
  if (all.size() < 2) return;
  for (const char* const name :
       {"call.redis_cpu_us", "call.redis_cpu_us_without_idle_load", "call.caller_cpu_us",
        "call.handler_cpu_us", "call.sequential_p50_us", "call.per_second",
        "call.per_second_best"}) {
    const auto few = get(name, all.front());
    const auto many = get(name, all.back());
    if (!few || !many) continue;
    out << program_ << ".ratio." << name << '.' << all.back() << "_to_" << all.front() << '='
        << to_text(*many / *few) << '\n';
  }
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace mesh::bench
