#include "process_usage.hpp"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace mesh::bench {

namespace {

std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total_pages = 0;
  std::int64_t resident_pages = 0;
  file >> total_pages >> resident_pages;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

std::int64_t microseconds(const timeval& time) {
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

}  // namespace

ProcessUsage process_usage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto heap = mallinfo2();
  ProcessUsage result;
  result.resident_bytes = resident_bytes();
  result.heap_bytes = static_cast<std::int64_t>(heap.uordblks + heap.hblkhd);
  result.cpu_microseconds = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
  return result;
}

}  // namespace mesh::bench
