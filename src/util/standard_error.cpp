#include <util/standard_error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace mesh {

namespace {

// If it was not, the next file or socket that the program opened is descriptor 2, whatever that
// is for. Only at the start can the two be told apart.
bool was_open_at_start() noexcept {
  static const bool was_open = ::fcntl(STDERR_FILENO, F_GETFD) != -1;
  return was_open;
}

[[maybe_unused]] const bool asked_at_start = was_open_at_start();

/// Keeps the signals of a failed write from this thread, whatever the program does about them.
class BlockedSignals {
 public:
  BlockedSignals() noexcept {
    ::sigemptyset(&signals_);
    // One that was pending before is not ours to take away.
    sigset_t pending;
    ::sigemptyset(&pending);
    ::sigpending(&pending);
    for (const int signal : {SIGPIPE, SIGXFSZ}) {
      if (::sigismember(&pending, signal) == 0) ::sigaddset(&signals_, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &signals_, &previous_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  void take_pending() const noexcept {
    const timespec no_wait{};
    while (::sigtimedwait(&signals_, nullptr, &no_wait) == -1 && errno == EINTR) {
    }
  }

 private:
  sigset_t signals_;
  sigset_t previous_;
};

bool has_room() noexcept {
  pollfd descriptor{STDERR_FILENO, POLLOUT, 0};
  return ::poll(&descriptor, 1, 0) == 1;
}

}  // namespace

StandardError::StandardError() {
  if (was_open_at_start()) file_ = current_file();
}

std::optional<StandardError::File> StandardError::current_file() noexcept {
  struct stat status {};
  if (::fstat(STDERR_FILENO, &status) != 0) return std::nullopt;
  return File{status.st_dev, status.st_ino};
}

void StandardError::write(std::string_view line) const noexcept {
  if (!file_ || current_file() != file_ || !has_room()) return;
  const BlockedSignals blocked;
  // More could wait for the reader of a pipe.
  const std::string_view start = line.substr(0, longest_line);
  ssize_t written = 0;
  do {
    written = ::write(STDERR_FILENO, start.data(), start.size());
  } while (written == -1 && errno == EINTR);
  if (written == -1 && (errno == EPIPE || errno == EFBIG)) blocked.take_pending();
}

}  // namespace mesh
