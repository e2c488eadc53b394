#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <load.hpp>
#include <measurement.hpp>
#include <payload.hpp>

namespace mesh::bench {

// The least that Redis pub/sub can do: no JSON, no timeouts, no tasks; just messages back and
// forth. A `Peer` has two connections: it publishes on one and is subscribed on the other.

template <typename Peer>
const std::string call_channel = std::string(Peer::name) + ":calls";
template <typename Peer>
const std::string answer_channel = std::string(Peer::name) + ":answers";

template <typename Peer>
class PingPongCaller {
 public:
  explicit PingPongCaller(std::uint16_t port) : peer_(port, answer_channel<Peer>) {}

  nlohmann::json measure(const Load& load) {
    payload_ = make_payload(load.payload);
    begun_.assign(load.in_flight, {});
    sent_ = 0;
    answered_ = 0;
    Measurement measurement(load);
    for (std::size_t i = 0; i < load.in_flight; ++i) send(Clock::now());
    while (answered_ < sent_) {
      peer_.turn([&](std::string_view answer) { on_answer(answer, measurement); });
    }
    return measurement.finish();
  }

 private:
  void send(Clock::time_point now) {
    begun_[sent_ % begun_.size()] = now;
    stamp(payload_, sent_++);
    peer_.publish(call_channel<Peer>, payload_);
  }

  // Answers come in the order of the calls, so one that is missing is noticed with the next.
  void on_answer(std::string_view answer, Measurement& measurement) {
    const auto now = Clock::now();
    stamp(payload_, answered_);
    require_echo(payload_, answer);
    measurement.add(begun_[answered_++ % begun_.size()], now);
    if (measurement.is_open(now)) send(now);
  }

  Peer peer_;
  std::string payload_;
  std::vector<Clock::time_point> begun_;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
};

template <typename Peer>
int run_ping_pong_caller(int argc, char** argv) {
  CLI::App app{"Measures how fast messages travel to the handler and back."};
  std::uint16_t port = 0;
  app.add_option("--redis", port, "Port of Redis")->required();
  return run_program(app, argc, argv, [&] {
    PingPongCaller<Peer> caller(port);
    serve_loads([&](const Load& load) { return caller.measure(load); });
  });
}

template <typename Peer>
[[noreturn]] void echo_all(std::uint16_t port) {
  Peer peer(port, call_channel<Peer>);
  print_ready();
  for (;;) {
    peer.turn([&](std::string_view message) { peer.publish(answer_channel<Peer>, message); });
  }
}

template <typename Peer>
int run_ping_pong_handler(int argc, char** argv) {
  CLI::App app{"Sends back every message that comes."};
  std::uint16_t port = 0;
  app.add_option("--redis", port, "Port of Redis")->required();
  return run_program(app, argc, argv, [&] { echo_all<Peer>(port); });
}

}  // namespace mesh::bench
