#pragma once

#include <functional>
#include <string_view>

namespace mesh {

enum class LogLevel { debug, info, warning, error };

/// The lower-case name of a level, such as "warning".
std::string_view to_string(LogLevel level) noexcept;

/// Receives the library's log lines (no trailing newline; passwords never appear in them).
/// Called from the service's strand and from handler coroutines, possibly from several threads
/// at once when several services share one sink. It must not throw and should return quickly.
using LogSink = std::function<void(LogLevel, std::string_view)>;

/// A sink that writes lines of at least `minimum` to standard error, each in one write. A line is
/// dropped where nobody reads it, where it would have to wait, and where descriptor 2 is not what
/// it was when the sink was made, or was closed when the program started. So redirect standard
/// error before the sink is made.
LogSink stderr_log_sink(LogLevel minimum = LogLevel::warning);

/// A sink that drops everything.
LogSink null_log_sink();

}  // namespace mesh
