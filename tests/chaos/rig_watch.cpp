#include "rig_watch.hpp"

#include <chrono>

namespace mesh::chaos {

RigWatch::RigWatch(ProxyThread& proxies, EventLog& log)
    : proxies_(proxies), log_(log), thread_([this] { run(); }) {}

RigWatch::~RigWatch() {
  stop_ = true;
  thread_.join();
}

void RigWatch::run() {
  constexpr Nanoseconds still = 150'000'000;
  while (!stop_) {
    const Nanoseconds from = now_ns();
    proxies_.ask([] {});
    const Nanoseconds to = now_ns();
    if (to - from > still) log_.write("outage", {{"from", from}, {"to", to}});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace mesh::chaos
