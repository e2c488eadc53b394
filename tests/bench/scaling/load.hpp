#pragma once

#include <chrono>
#include <cstddef>

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

/// Calls "echo" for a while. Returns "calls", "seconds", and "p50_us" and "p99_us" of one call.
asio::awaitable<nlohmann::json> run_calls(Node& from, CallPlan plan);

/// Lists the nodes so many times. Returns "nodes" and "p50_us" of one listing.
asio::awaitable<nlohmann::json> run_listings(Node& from, std::size_t count);

}  // namespace mesh::bench
