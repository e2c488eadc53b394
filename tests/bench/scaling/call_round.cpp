#include "call_round.hpp"

#include <utility>

namespace mesh::bench {

namespace {

using nlohmann::json;

asio::awaitable<double> cpu_of(Member& member) {
  const json usage = co_await member.ask_for("usage");
  co_return usage.at("cpu_us").get<double>();
}

}  // namespace

asio::awaitable<json> call_leader(Fleet& fleet, std::size_t in_flight,
                                  std::chrono::milliseconds duration) {
  json request;
  request["op"] = "call";
  request["target"] = fleet.leader().first_id();
  request["in_flight"] = in_flight;
  request["milliseconds"] = duration.count();
  co_return co_await fleet.caller().ask(std::move(request));
}

asio::awaitable<CallRound> measure_call_round(Servers& servers, Fleet& fleet, std::size_t in_flight,
                                              std::chrono::milliseconds duration) {
  const RedisUsage redis_before = servers.usage();
  const double caller_before = co_await cpu_of(fleet.caller());
  const double handler_before = co_await cpu_of(fleet.leader());
  const json result = co_await call_leader(fleet, in_flight, duration);
  CallRound round;
  round.redis = servers.usage().since(redis_before);
  const double caller_after = co_await cpu_of(fleet.caller());
  const double handler_after = co_await cpu_of(fleet.leader());
  round.calls = result.at("calls").get<double>();
  round.seconds = result.at("seconds").get<double>();
  round.caller_cpu_us = caller_after - caller_before;
  round.handler_cpu_us = handler_after - handler_before;
  co_return round;
}

}  // namespace mesh::bench
