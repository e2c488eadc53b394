#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <mesh/log.hpp>

namespace mesh::introspection {

/// The last warning or error that was logged. From any thread.
class LastError {
 public:
  struct Noted {
    std::string text;
    std::chrono::system_clock::time_point at{};
  };

  void note(std::string_view text) {
    constexpr std::size_t enough = 1024;
    Noted noted{std::string(text.substr(0, enough)), std::chrono::system_clock::now()};
    const std::lock_guard lock(mutex_);
    std::swap(noted_, noted);
  }
  Noted get() const {
    const std::lock_guard lock(mutex_);
    return noted_;
  }

 private:
  mutable std::mutex mutex_;
  Noted noted_;
};

/// A sink that has warnings and errors noted before they go to `log`.
inline LogSink noting(LogSink log, std::shared_ptr<LastError> last) {
  return [log = std::move(log), last = std::move(last)](LogLevel level, std::string_view text) {
    if (level >= LogLevel::warning) last->note(text);
    log(level, text);
  };
}

}  // namespace mesh::introspection
