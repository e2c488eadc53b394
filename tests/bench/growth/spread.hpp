#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>

#include <boost/asio/awaitable.hpp>
#include <scaling/figures.hpp>

namespace mesh::bench {

namespace asio = boost::asio;

struct SpreadOptions {
  std::filesystem::path node_program;
  std::size_t primaries = 1;
  std::size_t nodes = 64;
  bool has_short_times = false;
  std::size_t rounds = 3;
  std::chrono::milliseconds round_time{1000};
};

/// How the calls of nodes that call each other at random are spread over the primaries of a cluster
/// of its own.
asio::awaitable<void> measure_spread(SpreadOptions options, Figures& figures);

}  // namespace mesh::bench
