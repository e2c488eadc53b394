#pragma once

#include <atomic>
#include <cstdint>

namespace mesh {

/// Counts what happens on one strand; may be read from any thread. Unlike an atomic that many may
/// add to, it waits for no other memory.
class Counter {
 public:
  void add(std::uint64_t number) { value_.store(*this + number, std::memory_order_relaxed); }
  Counter& operator++() {
    add(1);
    return *this;
  }
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for the number
  operator std::uint64_t() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace mesh
