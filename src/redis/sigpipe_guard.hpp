#pragma once

#include <csignal>

namespace mesh::redis {

/// Keeps a write to a closed connection from killing the process: hiredis writes without
/// MSG_NOSIGNAL, and a library must not change the process-wide disposition. Blocks SIGPIPE for
/// this thread and takes one that the write raised.
class SigpipeGuard {
 public:
  SigpipeGuard();
  ~SigpipeGuard();
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  sigset_t previous_{};
  bool was_blocked_ = false;
};

}  // namespace mesh::redis
