#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace mesh::bench {

/// What was measured: each figure for each number of nodes.
class Figures {
 public:
  /// The name of the program, for lines.
  explicit Figures(std::string program) : program_(std::move(program)) {}

  /// Names keep the order in which they come first.
  void set(const std::string& name, std::size_t nodes, double value);
  std::optional<double> get(const std::string& name, std::size_t nodes) const;

  void print_table(std::ostream& out) const;
  /// "<program>.<name>.<nodes>=<value>", and the ratios of the largest to the smallest mesh.
  void print_lines(std::ostream& out) const;

 private:
  std::vector<std::size_t> sizes() const;

  std::string program_;
  std::vector<std::string> names_;
  std::map<std::string, std::map<std::size_t, double>> values_;
};

double median(std::vector<double> values);

}  // namespace mesh::bench
