#include <algorithm>
#include <string>

#include "checker.hpp"
#include "spans.hpp"

namespace mesh::chaos {

namespace {

constexpr Nanoseconds warm_up = 20'000 * nanoseconds_per_ms;
constexpr Nanoseconds long_life = 60'000 * nanoseconds_per_ms;
constexpr std::int64_t most_growth_kb = 32'768;

void check_memory(const std::string& name, const History::Process& process, Verdict& verdict) {
  const auto& sizes = process.resident_kb;
  if (sizes.empty() || sizes.back().first - sizes.front().first < long_life) return;
  const auto warm = std::find_if(sizes.begin(), sizes.end(), [&](const auto& size) {
    return size.first >= sizes.front().first + warm_up;
  });
  const std::int64_t growth = sizes.back().second - warm->second;
  if (growth > most_growth_kb) {
    verdict.fail("memory does not grow",
                 name + " grew from " + std::to_string(warm->second) + " to " +
                     std::to_string(sizes.back().second) + " KiB",
                 name);
  }
}

}  // namespace

void check_end(const History& history, Verdict& verdict) {
  for (const History::Stats& stats : history.stats) {
    if (stats.sent == stats.succeeded + stats.failed && stats.in_flight == 0) continue;
    verdict.fail("no call is pending after stop",
                 stats.member + ": " + std::to_string(stats.sent) + " sent, " +
                     std::to_string(stats.succeeded) + " succeeded, " +
                     std::to_string(stats.failed) + " failed, " + std::to_string(stats.in_flight) +
                     " without an end",
                 "\"e\":\"stats\"");
  }
  for (const auto& [name, process] : history.processes) check_memory(name, process, verdict);
  for (const std::string& text : history.runner_violations) {
    verdict.fail("seen by the runner", text, "violation");
  }
  if (!history.ended) verdict.fail("the run comes to its end", "it did not", "violation");
}

}  // namespace mesh::chaos
