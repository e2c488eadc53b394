#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
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

/// Of set-up: throws if it does not hold soon. `what` says what is missing then.
template <typename Predicate>
void require_soon(const std::string& what, Predicate predicate) {
  constexpr std::chrono::seconds patience{60};
  if (!wait_until(predicate, patience)) throw std::runtime_error("not soon " + what);
}

}  // namespace mesh::test
