#pragma once

#include <chrono>
#include <thread>

namespace mesh::test {

/// Blocks this thread until the predicate holds; false if it does not by the deadline. In
/// coroutines use `eventually()`.
template <typename Predicate>
bool wait_until(Predicate predicate, std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace mesh::test
