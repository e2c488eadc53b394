#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>

#include "messages.hpp"

namespace mesh::bench {

namespace asio = boost::asio;

/// How to call one node.
struct CallPlan {
  InstanceId target = 0;
  std::size_t in_flight = 1;
  std::chrono::milliseconds duration{1000};
};

/// Calls "echo" for a while. Returns "calls", "seconds", and "p50_us", "p99_us" and "worst_us" of
/// one call.
asio::awaitable<nlohmann::json> run_calls(Node& from, CallPlan plan);

/// How to call many.
struct CrowdPlan {
  std::vector<InstanceId> targets{};
  std::size_t in_flight = 1;  ///< Of all callers together.
  std::chrono::milliseconds duration{1000};
  bool is_tour = false;  ///< Each calls each once, however long that takes.
};

/// The nodes take turns at calling "echo" for a while, each time of another of the targets at
/// random. Returns what `run_calls()` does.
asio::awaitable<nlohmann::json> run_calls_of_all(const std::vector<std::unique_ptr<Node>>& nodes,
                                                 CrowdPlan plan);

/// Lists the nodes so many times. Returns "nodes" and "p50_us" of one listing.
asio::awaitable<nlohmann::json> run_listings(Node& from, std::size_t count);

}  // namespace mesh::bench
