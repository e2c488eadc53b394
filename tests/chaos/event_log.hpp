#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include <nlohmann/json.hpp>
#include <support/descriptor.hpp>

namespace mesh::chaos {

/// Nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.
using Nanoseconds = std::int64_t;
Nanoseconds now_ns();

/// What a process did, one JSON object a line: "t" is the time, "e" the event, the rest depends on
/// it (see README.md). Each line is one write(2), so that nothing is lost when the process is
/// killed. May be used from any thread.
class EventLog {
 public:
  explicit EventLog(const std::filesystem::path& file);

  void write(std::string_view event, nlohmann::json fields = nlohmann::json::object());

 private:
  test::Descriptor file_;
};

}  // namespace mesh::chaos
