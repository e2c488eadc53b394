#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mesh/log.hpp>

namespace mesh::test {

/// Keeps what the library logs. Its sinks may be used from any thread and outlive it.
class LogCapture {
 public:
  struct Line {
    LogLevel level = LogLevel::debug;
    std::string text;
  };

  LogSink sink() const {
    return [lines = lines_](LogLevel level, std::string_view text) {
      const std::lock_guard lock(lines->mutex);
      lines->entries.push_back(Line{level, std::string(text)});
    };
  }

  std::vector<Line> lines() const {
    const std::lock_guard lock(lines_->mutex);
    return lines_->entries;
  }

  /// How many lines of at least `minimum` contain `part`.
  std::size_t count(std::string_view part, LogLevel minimum = LogLevel::debug) const {
    const std::lock_guard lock(lines_->mutex);
    return static_cast<std::size_t>(
        std::ranges::count_if(lines_->entries, [part, minimum](const Line& line) {
          return line.level >= minimum && line.text.find(part) != std::string::npos;
        }));
  }
  bool contains(std::string_view part, LogLevel minimum = LogLevel::debug) const {
    return count(part, minimum) > 0;
  }

  /// All lines, for failure messages.
  std::string text() const {
    std::string all;
    for (const Line& line : lines()) {
      all.append(to_string(line.level)).append(": ").append(line.text).append("\n");
    }
    return all;
  }

 private:
  struct Lines {
    std::mutex mutex;
    std::vector<Line> entries;
  };
  std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
};

}  // namespace mesh::test
