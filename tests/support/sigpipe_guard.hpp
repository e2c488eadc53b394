#pragma once

#include <signal.h>

#include <ctime>

namespace mesh::test {

/// While it lives, this thread is spared the signal that writing to a closed connection raises.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  ~SigpipeGuard() {
    const timespec at_once{};
    sigtimedwait(&signal_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  sigset_t signal_{};
  sigset_t before_{};
};

}  // namespace mesh::test
