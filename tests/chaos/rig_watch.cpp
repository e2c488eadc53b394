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

// From answer to answer, so that it is seen as well when all of this process stood still.
void RigWatch::run() {
  constexpr std::chrono::milliseconds pause{20};
  constexpr Nanoseconds still = 170'000'000;
  Nanoseconds from = now_ns();
  while (!stop_) {
    std::this_thread::sleep_for(pause);
    const bool is_needed = ask_();
    const Nanoseconds to = now_ns();
    if (is_needed && to - from > still) log_.write("outage", {{"from", from}, {"to", to}});
    from = to;
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
