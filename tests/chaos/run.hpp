#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "world.hpp"

namespace mesh::chaos {

struct RunOptions {
  double minutes = 0.5;
  std::uint64_t seed = 1;
  std::size_t processes = 3;
  RedisKind redis = RedisKind::plain;
  double scale = 1;
  double rate = 20;
  std::vector<std::string> faults;  ///< Only these; empty: all.
  std::filesystem::path node_program;
  std::filesystem::path folder;
};

/// Plays the schedule that the seed draws, and leaves the event logs in the folder.
void run_chaos(const RunOptions& options);

/// What a sanitizer said in the output of any process of the run.
std::vector<std::string> sanitizer_reports(const std::filesystem::path& folder);

}  // namespace mesh::chaos
