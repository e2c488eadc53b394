#pragma once

#include <atomic>
#include <cstdint>

namespace mesh {

/// Counts what happens on one strand; may be read from any thread. It needs no locked instruction,
/// which would wait for all that was written before; so of two that add at once one would be lost.
class StrandCounter {
 public:
  void add(std::uint64_t number) { value_.store(*this + number, std::memory_order_relaxed); }
  StrandCounter& operator++() {
    add(1);
    return *this;
  }
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for the number
  operator std::uint64_t() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace mesh
