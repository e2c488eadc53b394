#include "sampler.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <utility>

namespace mesh::chaos {

namespace {

constexpr std::chrono::milliseconds interval{10};
constexpr Nanoseconds stall = 150'000'000;
constexpr Nanoseconds second = 1'000'000'000;

std::int64_t resident_kb() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t size = 0;
  std::int64_t resident = 0;
  statm >> size >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

}  // namespace

Sampler::Sampler(std::vector<std::shared_ptr<Member>> members, EventLog& log)
    : members_(std::move(members)), log_(log), seen_(members_.size()), thread_([this] { run(); }) {}

Sampler::~Sampler() {
  stop_ = true;
  thread_.join();
}

void Sampler::run() {
  last_look_ = now_ns();
  while (!stop_) {
    look_at_process();
    for (std::size_t i = 0; i < members_.size(); ++i) look_at(*members_[i], seen_[i]);
    std::this_thread::sleep_for(interval);
  }
}

void Sampler::look_at(Member& member, Seen& seen) {
  const Nanoseconds before = now_ns();
  const std::int64_t token = member.service().leader().fencing_token();
  const InstanceId id = member.service().instance_id();
  const Nanoseconds after = now_ns();
  if (token != 0) {
    log_.write("lead", {{"n", member.name()}, {"token", token}, {"t0", before}, {"t1", after}});
  }
  if (id != seen.id) {
    log_.write("id", {{"n", member.name()}, {"id", id}, {"seen", after}, {"before", seen.last}});
    seen.id = id;
  }
  seen.last = before;
}

void Sampler::look_at_process() {
  const Nanoseconds now = now_ns();
  if (now - last_look_ > stall) log_.write("stall", {{"from", last_look_}, {"to", now}});
  last_look_ = now;
  if (now - last_size_ < second) return;
  last_size_ = now;
  log_.write("rss", {{"kb", resident_kb()}});
}

}  // namespace mesh::chaos
