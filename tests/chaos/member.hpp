#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "event_log.hpp"
#include "messages.hpp"
#include "node_options.hpp"

namespace mesh::chaos {

/// One node of the mesh with its load: calls others until told to stop, and logs all it sees.
class Member : public std::enable_shared_from_this<Member> {
 public:
  enum class Wish { none, restart, stop };

  Member(boost::asio::any_io_executor executor, const NodeOptions& options, std::size_t index,
         EventLog& log);

  const std::string& name() const { return name_; }
  Service& service() { return service_; }

  /// Joins the mesh, again after each restart, and returns after it has left for good.
  boost::asio::awaitable<void> run();
  /// May be called from any thread; run() reacts soon.
  void ask(Wish wish);
  const boost::asio::any_io_executor& strand() const { return strand_; }

 private:
  struct Plan {
    std::string kind;
    InstanceId target = 0;
    std::chrono::milliseconds timeout{0};
    CallData data;
  };

  void register_handlers();
  void start_program(const CallData& data);
  void report_events();
  /// Logs when the executor was late by much: a starved process may miss its own deadlines.
  boost::asio::awaitable<void> watch_executor();
  boost::asio::awaitable<void> join();
  boost::asio::awaitable<void> leave();
  boost::asio::awaitable<void> pause(std::chrono::milliseconds duration);
  void act();
  void obey(const Order& order);
  Plan plan_call();
  InstanceId pick_other();
  InstanceId pick_gone();
  void spawn(boost::asio::awaitable<void> task);
  boost::asio::awaitable<void> call(Plan plan);
  AnyOptions to_any(const Plan& plan);
  boost::asio::awaitable<CallData> invoke(const Plan& plan);
  boost::asio::awaitable<void> refresh();
  boost::asio::awaitable<void> broadcast();
  void log_stats();
  int draw(int below);

  std::string name_;
  NodeOptions options_;
  Timing timing_;
  EventLog& log_;
  boost::asio::any_io_executor strand_;
  Service service_;
  boost::asio::steady_timer timer_;
  std::mt19937_64 random_;
  Wish wish_ = Wish::none;
  bool finished_ = false;
  std::uint64_t calls_ = 0;
  std::size_t in_flight_ = 0;
  std::vector<InstanceId> nodes_;
  std::set<InstanceId> seen_;
  std::size_t next_node_ = 0;
};

}  // namespace mesh::chaos
