#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>

#include <boost/asio/awaitable.hpp>
#include <scaling/figures.hpp>

namespace mesh::bench {

namespace asio = boost::asio;

struct CostOptions {
  std::filesystem::path node_program;
  std::size_t primaries = 2;
  std::size_t few = 2;
  std::size_t many = 1000;
  bool has_short_times = false;
  std::size_t rounds = 15;
  std::chrono::milliseconds round_time{700};
};

/// Compares what a call between two nodes costs in a small mesh and in a large one, each on a
/// cluster of its own. Both are up all the time, and are measured in turns: so both suffer the same
/// from the idle nodes, and from whatever else the machine does.
asio::awaitable<void> measure_cost(CostOptions options, Figures& figures);

}  // namespace mesh::bench
