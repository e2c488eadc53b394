// Fails if mesh::detail::compiler_destroys_aggregate_temporaries_twice is wrong about the compiler.

#include <coroutine>
#include <exception>
#include <iostream>

#include <mesh/detail/unsafe_temporary.hpp>

namespace {

int alive = 0;

struct Counted {
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
};

struct Request {
  Counted member;
};

// A coroutine that runs to its first suspension and frees itself at the end.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

std::coroutine_handle<> suspended;

struct Suspend {
  bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept { suspended = handle; }
  void await_resume() noexcept {}
};

Suspend call(const Request& /*request*/) { return {}; }

Detached run(const Counted& member) { co_await call(Request{.member = member}); }

}  // namespace

int main() {
  const Counted member;
  run(member);
  suspended.resume();

  const bool destroyed_twice = alive != 1;
  std::cout << "objects left: " << alive << '\n';
  return destroyed_twice == mesh::detail::compiler_destroys_aggregate_temporaries_twice ? 0 : 1;
}
