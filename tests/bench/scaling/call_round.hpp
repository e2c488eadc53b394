#pragma once

#include <chrono>
#include <cstddef>

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>

#include "fleet.hpp"
#include "redis_usage.hpp"
#include "servers.hpp"

namespace mesh::bench {

/// What calls of one fleet's caller to its leader took, all together.
struct CallRound {
  double calls = 0;
  double seconds = 0;
  double caller_cpu_us = 0;
  double handler_cpu_us = 0;
  RedisUsage redis{};  ///< Of all servers.
};

/// The caller calls the leader for a while. Returns what `run_calls()` does.
asio::awaitable<nlohmann::json> call_leader(Fleet& fleet, std::size_t in_flight,
                                            std::chrono::milliseconds duration);

/// The same, and measures it.
asio::awaitable<CallRound> measure_call_round(Servers& servers, Fleet& fleet, std::size_t in_flight,
                                              std::chrono::milliseconds duration);

}  // namespace mesh::bench
