#include <measurement.hpp>

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>

namespace mesh::bench {

namespace {

std::chrono::nanoseconds cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

template <typename Duration>
double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

Clock::duration percentile(const std::vector<Clock::duration>& sorted, double percent) {
  const auto count = static_cast<double>(sorted.size());
  const auto rank = static_cast<std::size_t>(std::ceil(count * percent / 100.0));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace

Measurement::Measurement(const Load& load) {
  latencies_.reserve(std::size_t{1} << 20U);
  cpu_time_at_begin_ = cpu_time();
  begun_ = Clock::now();
  closes_at_ = begun_ + load.duration;
}

nlohmann::json Measurement::finish() {
  const auto cpu = cpu_time() - cpu_time_at_begin_;
  if (latencies_.empty()) throw std::runtime_error("no call was made in the time of measurement");
  std::sort(latencies_.begin(), latencies_.end());
  nlohmann::json result;
  result["calls"] = latencies_.size();
  result["seconds"] = seconds(last_ended_ - begun_);
  result["cpu_seconds"] = seconds(cpu);
  result["p50_us"] = microseconds(percentile(latencies_, 50));
  result["p99_us"] = microseconds(percentile(latencies_, 99));
  result["p99_9_us"] = microseconds(percentile(latencies_, 99.9));
  return result;
}

}  // namespace mesh::bench
