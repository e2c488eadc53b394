// Measures meshes of several sizes, each on a Redis of its own: see README.md.

#include <algorithm>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "descriptor_limit.hpp"
#include "experiment.hpp"
#include "figures.hpp"

namespace asio = boost::asio;

namespace {

void measure_all(const mesh::bench::ExperimentOptions& options,
                 const std::vector<std::size_t>& sizes, mesh::bench::Figures& figures) {
  for (const std::size_t nodes : sizes) {
    asio::io_context context(1);
    asio::co_spawn(context, mesh::bench::measure(options, nodes, figures),
                   [&context](const std::exception_ptr& error) {
                     if (error) std::rethrow_exception(error);
                     context.stop();
                   });
    context.run();
  }
}

}  // namespace

int main(int argc, char** argv) try {
  mesh::bench::ExperimentOptions options;
  options.node_program = std::filesystem::path(argv[0]).parent_path() / "mesh_scaling_nodes";
  std::vector<std::size_t> sizes;
  CLI::App app{"Measures what a mesh costs as it grows."};
  app.add_option("--sizes", sizes, "Numbers of nodes (default 2 10 100 1000; quick: 2 10 100)")
      ->check(CLI::Range(2, 4000));
  app.add_option("--per-process", options.most_per_process, "Nodes in one process at most")
      ->check(CLI::Range(1, 2000))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Rounds of calls")->capture_default_str();
  app.add_option("--idle-intervals", options.idle_intervals, "Heartbeat intervals without calls")
      ->capture_default_str();
  app.add_option("--primaries", options.primaries,
                 "On a Redis Cluster of so many, instead of a single Redis")
      ->check(CLI::Range(1, 16));
  app.add_option("--pending", options.pending_calls, "Calls that are pending at the same time")
      ->capture_default_str();
  app.add_flag("--quick", options.is_quick,
               "A fifth of the default intervals: not the figures of a real mesh");
  CLI11_PARSE(app, argc, argv);
  if (sizes.empty()) sizes = {2, 10, 100};
  if (app.count("--sizes") == 0 && !options.is_quick) sizes.push_back(1000);

  mesh::bench::raise_descriptor_limit();
  mesh::bench::Figures figures("scaling");
  measure_all(options, sizes, figures);
  figures.print_table(std::cout);
  std::cout << '\n';
  figures.print_lines(std::cout);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "mesh_scaling: " << error.what() << '\n';
  return 1;
}
