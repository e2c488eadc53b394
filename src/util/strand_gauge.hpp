#pragma once

#include <atomic>
#include <cstdint>

namespace mesh {

/// How much there is of something that changes on one strand; may be read from any thread. Like a
/// `StrandCounter` it needs no locked instruction.
class StrandGauge {
 public:
  void set(std::uint64_t number) { value_.store(number, std::memory_order_relaxed); }
  void add(std::uint64_t number) { set(*this + number); }
  void subtract(std::uint64_t number) { set(*this - number); }
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for the number
  operator std::uint64_t() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace mesh
