#pragma once

/// For programs that use spdlog, of which the library itself knows nothing. With CMake it is the
/// component `spdlog`, with the target `MeshService::spdlog`.

#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <spdlog/logger.h>

#include <mesh/log.hpp>

namespace mesh {

/// The level of spdlog that lines of `level` get.
inline spdlog::level::level_enum spdlog_level(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// A sink that passes each line on to a logger, whose level decides which are written, also if it
/// changes later. Lines are texts, not formats. Since services may log from several threads, the
/// sinks of the logger should be those with `_mt`; an asynchronous logger should discard lines
/// rather than block where its queue is full. Errors of the logger go to its error handler. Throws
/// `std::invalid_argument` if the logger is null.
inline LogSink spdlog_sink(std::shared_ptr<spdlog::logger> logger) {
  if (!logger) throw std::invalid_argument("the logger of spdlog_sink() must not be null");
  return [logger = std::move(logger)](LogLevel level, std::string_view line) {
    try {
      logger->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
    } catch (...) {  // the logger's error handler was told, or threw
    }
  };
}

}  // namespace mesh
