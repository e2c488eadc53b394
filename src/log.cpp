#include <mesh/log.hpp>

#include <algorithm>
#include <string>

#include <util/standard_error.hpp>

namespace mesh {

std::string_view to_string(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "unknown";
}

LogSink stderr_log_sink(LogLevel minimum) {
  return [minimum, output = StandardError()](LogLevel level, std::string_view text) {
    if (level < minimum) return;
    std::string line = "mesh ";
    line.append(to_string(level)).append(": ").append(text);
    line.resize(std::min(line.size(), StandardError::longest_line - 1));
    line += '\n';
    output.write(line);
  };
}

LogSink null_log_sink() {
  return [](LogLevel, std::string_view) {};
}

}  // namespace mesh
