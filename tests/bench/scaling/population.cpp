#include "population.hpp"

#include <exception>
#include <stdexcept>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "load.hpp"
#include "process_usage.hpp"

namespace mesh::bench {

namespace {

using nlohmann::json;

json usage() {
  const ProcessUsage now = process_usage();
  return {
      {"resident", now.resident_bytes}, {"heap", now.heap_bytes}, {"cpu_us", now.cpu_microseconds}};
}

CallPlan call_plan(const json& request) {
  CallPlan plan;
  plan.target = request.at("target").get<InstanceId>();
  plan.in_flight = request.at("in_flight").get<std::size_t>();
  plan.duration = std::chrono::milliseconds(request.at("milliseconds").get<std::int64_t>());
  return plan;
}

CrowdPlan crowd_plan(const json& request) {
  CrowdPlan plan;
  plan.targets = request.at("targets").get<std::vector<InstanceId>>();
  plan.in_flight = request.at("in_flight").get<std::size_t>();
  plan.duration = std::chrono::milliseconds(request.at("milliseconds").get<std::int64_t>());
  plan.is_tour = request.value("tour", false);
  return plan;
}

}  // namespace

Population::Population(asio::any_io_executor executor, NodeOptions options)
    : executor_(std::move(executor)),
      options_(options),
      gate_(executor_, Clock::time_point::max()),
      removal_(executor_, Clock::time_point::max()) {}

asio::awaitable<json> Population::handle(json request) {
  const auto op = request.at("op").get<std::string>();
  const auto count = request.value("count", std::size_t{0});
  if (op == "start") co_return co_await start(count);
  if (op == "usage") co_return usage();
  if (op == "call") co_return co_await run_calls(*nodes_.at(0), call_plan(request));
  if (op == "call_each_other") {
    CrowdPlan plan = crowd_plan(request);
    co_return co_await run_calls_of_all(nodes_, std::move(plan));
  }
  if (op == "list") co_return co_await run_listings(*nodes_.at(0), count);
  if (op == "await_removed") co_return co_await await_removed(count);
  if (op == "begin_waiting") {
    co_return co_await begin_waiting(request.at("target").get<InstanceId>(), count);
  }
  json answer = json::object();
  if (op == "leads") {
    answer["leads"] = nodes_.at(0)->leader().is_leader();
  } else if (op == "waiting") {
    answer = waiting();
  } else if (op == "release") {
    gate_.cancel();
  } else {
    throw std::invalid_argument("no such operation: " + op);
  }
  co_return answer;
}

void Population::add_node() {
  auto node = std::make_unique<Node>(executor_, NodeOptions::mesh_key, options_.mesh_options());
  node->register_handler<"echo">([](std::string text) { return text; });
  node->register_handler<"wait">([this](std::string text) -> asio::awaitable<std::string> {
    ++waiting_here_;
    boost::system::error_code ignored;
    co_await gate_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    --waiting_here_;
    co_return text;
  });
  node->set_node_cleaned_up_callback([this](InstanceId /*id*/) { note_removed(); });
  nodes_.push_back(std::move(node));
}

asio::awaitable<json> Population::start(std::size_t count) {
  constexpr std::size_t at_once = 32;
  std::size_t next = nodes_.size();
  for (std::size_t i = 0; i < count; ++i) add_node();

  std::size_t running = at_once;
  std::exception_ptr failure;
  asio::steady_timer all_done(executor_, Clock::time_point::max());
  for (std::size_t i = 0; i < at_once; ++i) {
    asio::co_spawn(executor_, start_share(next), [&](const std::exception_ptr& error) {
      if (error) failure = error;
      if (--running == 0) all_done.cancel();
    });
  }
  boost::system::error_code ignored;
  co_await all_done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (failure) std::rethrow_exception(failure);

  json answer;
  for (const auto& node : nodes_) answer["ids"].push_back(node->instance_id());
  co_return answer;
}

asio::awaitable<void> Population::start_share(std::size_t& next) {
  while (next < nodes_.size()) {
    Node& node = *nodes_[next++];
    co_await node.start();
  }
}

void Population::note_removed() {
  last_removal_ = Clock::now();
  if (removed_++ == 0) first_removal_ = last_removal_;
  removal_.cancel();
}

asio::awaitable<json> Population::await_removed(std::size_t count) {
  boost::system::error_code ignored;
  while (removed_ < count) {
    co_await removal_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  json answer;
  answer["seconds"] = std::chrono::duration<double>(last_removal_ - first_removal_).count();
  co_return answer;
}

asio::awaitable<json> Population::begin_waiting(InstanceId target, std::size_t count) {
  constexpr std::size_t portion = 100;
  const std::string text = payload();
  for (std::size_t i = 0; i < count; ++i) {
    ++waiting_calls_;
    // Not a coroutine, whose frame would count as the library's.
    nodes_.at(0)->invoke<"wait">(target, text, {},
                                 [this](const std::exception_ptr& /*error*/,
                                        const std::string& /*answer*/) { --waiting_calls_; });
    if (i % portion == 0) co_await asio::post(asio::use_awaitable);
  }
  co_return waiting();
}

json Population::waiting() const { return {{"here", waiting_here_}, {"called", waiting_calls_}}; }

}  // namespace mesh::bench
