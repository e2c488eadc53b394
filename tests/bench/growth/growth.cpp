// Measures meshes on Redis Clusters of several sizes, and what the registry of a large mesh costs:
// see README.md.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <scaling/descriptor_limit.hpp>
#include <scaling/figures.hpp>

#include "cost.hpp"
#include "registry_load.hpp"
#include "spread.hpp"

namespace asio = boost::asio;

namespace {

using Measurement = std::function<asio::awaitable<void>(mesh::Strand strand)>;

void run(const Measurement& measurement) {
  asio::io_context context(1);
  const mesh::Strand strand(context.get_executor());
  asio::co_spawn(strand, measurement(strand), [&context](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
    context.stop();
  });
  context.run();
}

void print(const mesh::bench::Figures& figures) {
  figures.print_table(std::cout);
  std::cout << '\n';
  figures.print_lines(std::cout);
  std::cout << std::endl;
}

void measure_spreads(mesh::bench::SpreadOptions options, const std::vector<std::size_t>& primaries,
                     const std::vector<std::size_t>& sizes) {
  mesh::bench::Figures figures("growth");
  for (const std::size_t count : primaries) {
    for (const std::size_t nodes : sizes) {
      options.primaries = count;
      options.nodes = nodes;
      run([&](const mesh::Strand& /*strand*/) {
        return mesh::bench::measure_spread(options, figures);
      });
    }
  }
  print(figures);
}

void measure_costs(const mesh::bench::CostOptions& options) {
  mesh::bench::Figures figures("growth");
  run([&](const mesh::Strand& /*strand*/) { return mesh::bench::measure_cost(options, figures); });
  print(figures);
}

void measure_registry(const mesh::bench::RegistryLoadOptions& options) {
  mesh::bench::Figures figures("growth");
  run([&](const mesh::Strand& strand) {
    return mesh::bench::measure_registry_load(strand, options, figures);
  });
  print(figures);
}

}  // namespace

int main(int argc, char** argv) try {
  mesh::bench::SpreadOptions spread;
  mesh::bench::CostOptions cost;
  mesh::bench::RegistryLoadOptions registry;
  std::vector<std::size_t> primaries{1, 2, 4};
  std::vector<std::size_t> sizes{64, 256};
  registry.nodes = {1'000, 10'000, 100'000};
  CLI::App app{"Measures what a mesh on a Redis Cluster costs as both grow."};
  app.add_option("--primaries", primaries, "Sizes of the cluster; 0: none of these")
      ->check(CLI::Range(0, 16))
      ->capture_default_str();
  app.add_option("--nodes", sizes, "Numbers of nodes that call each other")
      ->check(CLI::Range(3, 2000))
      ->capture_default_str();
  app.add_option("--many", cost.many, "Nodes of the mesh that is compared with one of 2; 0: none")
      ->check(CLI::Range(0, 4000))
      ->capture_default_str();
  app.add_option("--registered", registry.nodes, "Numbers of registered nodes; 0: none of these")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_option("--rounds", spread.rounds, "Rounds of calls")->capture_default_str();
  bool is_quick = false;
  app.add_flag("--quick", is_quick, "Less of everything: not the figures of a real mesh");
  CLI11_PARSE(app, argc, argv);

  spread.node_program =
      std::filesystem::path(argv[0]).parent_path() / ".." / "scaling" / "mesh_scaling_nodes";
  cost.node_program = spread.node_program;
  if (is_quick) {
    if (app.count("--nodes") == 0) sizes = {64};
    spread.has_short_times = true;
    spread.rounds = 2;
    spread.round_time = std::chrono::milliseconds(300);
    cost.has_short_times = true;
    cost.rounds = 3;
    if (app.count("--many") == 0) cost.many = 100;
    registry.repetitions = 5;
  }
  std::erase(primaries, 0U);
  std::erase_if(registry.nodes, [](std::size_t nodes) { return nodes < 100; });
  std::ranges::sort(registry.nodes);
  mesh::bench::raise_descriptor_limit();
  if (!primaries.empty()) measure_spreads(spread, primaries, sizes);
  if (cost.many > cost.few) measure_costs(cost);
  if (!registry.nodes.empty()) measure_registry(registry);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "mesh_growth: " << error.what() << '\n';
  return 1;
}
