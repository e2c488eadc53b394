#include "rig_watch.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <support/redis_probe.hpp>

namespace mesh::chaos {

RigWatch::RigWatch(std::function<bool()> ask, EventLog& log)
    : ask_(std::move(ask)), log_(log), thread_([this] { run(); }) {}

RigWatch::~RigWatch() {
  stop_ = true;
  thread_.join();
}

void RigWatch::run() {
  constexpr Nanoseconds still = 150'000'000;
  while (!stop_) {
    const Nanoseconds from = now_ns();
    const bool is_needed = ask_();
    const Nanoseconds to = now_ns();
    if (is_needed && to - from > still) log_.write("outage", {{"from", from}, {"to", to}});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::function<bool()> ping(const RedisOptions& server) {
  return [server, probe = std::make_shared<std::optional<test::RedisProbe>>()] {
    try {
      if (!*probe) {
        probe->emplace(server);
        (*probe)->command({"CLIENT", "SETNAME", ping_client_name});
      }
      return (*probe)->command({"ROLE"}).at(0) == "master";
    } catch (const test::RedisProbeError&) {
      probe->reset();
      return false;
    }
  };
}

}  // namespace mesh::chaos
