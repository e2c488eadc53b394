#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <nlohmann/json.hpp>

#include "messages.hpp"
#include "node_options.hpp"

namespace mesh::bench {

namespace asio = boost::asio;

/// The nodes of one process, and what can be asked of them. The first one calls and is called.
class Population {
 public:
  Population(asio::any_io_executor executor, NodeOptions options);
  Population(const Population&) = delete;
  Population& operator=(const Population&) = delete;

  /// Answers a request by its "op":
  /// - start: starts "count" nodes; "ids"
  /// - usage: "resident", "heap", "cpu_us" of this process
  /// - call: see `run_calls()`; takes "target", "in_flight" and "milliseconds"
  /// - call_each_other: see `run_calls_of_all()`; takes "targets", "in_flight",
  ///   "milliseconds" and "tour"
  /// - list: see `run_listings()`; takes "count"
  /// - leads: whether the first node is the leader
  /// - await_removed: waits until the leader has reported "count" nodes; "seconds" of reporting
  /// - begin_waiting: begins "count" calls to "target" whose handlers wait
  /// - waiting: "here" handlers that wait, and "called" calls of this process that wait
  /// - release: lets the handlers go on
  asio::awaitable<nlohmann::json> handle(nlohmann::json request);

 private:
  using Clock = std::chrono::steady_clock;

  asio::awaitable<nlohmann::json> start(std::size_t count);
  asio::awaitable<void> start_share(std::size_t& next);
  asio::awaitable<nlohmann::json> await_removed(std::size_t count);
  asio::awaitable<nlohmann::json> begin_waiting(InstanceId target, std::size_t count);
  nlohmann::json waiting() const;
  void add_node();
  void note_removed();

  asio::any_io_executor executor_;
  NodeOptions options_;
  std::vector<std::unique_ptr<Node>> nodes_;
  asio::steady_timer gate_;  // opens for the handlers that wait
  std::size_t waiting_here_ = 0;
  std::size_t waiting_calls_ = 0;
  asio::steady_timer removal_;  // is cancelled at each
  std::size_t removed_ = 0;
  Clock::time_point first_removal_{};
  Clock::time_point last_removal_{};
};

}  // namespace mesh::bench
