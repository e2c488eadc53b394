#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>

#include <boost/asio/awaitable.hpp>

#include "figures.hpp"

namespace mesh::bench {

namespace asio = boost::asio;

struct ExperimentOptions {
  std::filesystem::path node_program;
  std::size_t primaries = 0;  ///< Of a cluster; none: a single Redis.
  std::size_t most_per_process = 250;
  bool is_quick = false;           ///< Short intervals, and less of everything.
  std::size_t rounds = 5;          ///< Of calls.
  std::size_t idle_intervals = 3;  ///< Heartbeat intervals without any calls.
  std::size_t pending_calls = 10'000;
};

/// Runs a mesh of that many nodes on a Redis or a cluster of its own, and measures everything.
asio::awaitable<void> measure(ExperimentOptions options, std::size_t nodes, Figures& figures);

}  // namespace mesh::bench
