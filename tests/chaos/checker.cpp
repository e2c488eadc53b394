#include "checker.hpp"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <sstream>

#include "spans.hpp"

namespace mesh::chaos {

namespace {

std::string sizes(const History& history) {
  std::int64_t first = 0;
  std::int64_t last = 0;
  for (const auto& [name, process] : history.processes) {
    if (process.resident_kb.empty()) continue;
    first = std::max(first, process.resident_kb.front().second);
    last = std::max(last, process.resident_kb.back().second);
  }
  return std::to_string(first / 1024) + "->" + std::to_string(last / 1024) + " MiB";
}

std::string healing(const History& history) {
  if (history.healing_times.empty()) return "none";
  std::vector<Nanoseconds> times = history.healing_times;
  std::sort(times.begin(), times.end());
  return "median " + seconds(times[times.size() / 2]) + " max " + seconds(times.back());
}

/// Of any process; a pause counts too.
Nanoseconds longest_stall(const History& history) {
  Nanoseconds longest = 0;
  for (const auto& [name, process] : history.processes) {
    for (const Span& span : process.still) {
      if (span.to != forever) longest = std::max(longest, span.to - span.from);
    }
  }
  return longest;
}

/// How long calls took that were answered by a handler that takes no time.
std::string latencies(const History& history) {
  std::vector<Nanoseconds> times;
  for (const auto& [number, call] : history.calls) {
    const bool is_answered = call.begin && call.end && call.outcome == "ok" && call.kind == "echo";
    if (is_answered) times.push_back(*call.end - *call.begin);
  }
  if (times.empty()) return "none";
  std::sort(times.begin(), times.end());
  const auto at = [&times](std::size_t thousandths) {
    return seconds(times[std::min(times.size() * thousandths / 1000, times.size() - 1)]);
  };
  return "p50 " + at(500) + " p99 " + at(990) + " p99.9 " + at(999) + " max " + at(1000);
}

template <typename Counts>
std::string list(const Counts& counts) {
  std::string result;
  for (const auto& [name, count] : counts) {
    result += (result.empty() ? "" : " ") + name + "=" + std::to_string(count);
  }
  return result.empty() ? "none" : result;
}

}  // namespace

Verdict check(const History& history) {
  Verdict verdict;
  check_calls(history, verdict);
  check_any(history, verdict);
  check_leaders(history, verdict);
  check_ids(history, verdict);
  check_clean_up(history, verdict);
  check_end(history, verdict);
  return verdict;
}

std::uint64_t rerouted(const History& history) {
  std::uint64_t sum = 0;
  for (const History::Stats& stats : history.stats) sum += stats.rerouted;
  return sum;
}

std::string summary(const History& history, const Verdict& verdict) {
  std::ostringstream line;
  line << "seed=" << history.seed << " minutes=" << history.minutes
       << " | faults: " << list(history.faults) << " | calls=" << history.calls.size()
       << " outcomes: " << list(verdict.outcomes) << " answered after " << latencies(history)
       << " | handlers run=" << verdict.runs << " requests repeated=" << history.replays
       << " run by these alone=" << verdict.runs_of_the_runner
       << " to any node, undisturbed=" << verdict.calls_to_any << " rerouted=" << rerouted(history)
       << " run twice after loss=" << verdict.runs_twice_after_loss << " | terms=" << verdict.terms
       << " | ids shared after loss=" << verdict.two_holders_after_loss << " (longest "
       << seconds(verdict.longest_shared_id) << ") reregistered=" << history.reregistrations
       << " | dead=" << verdict.deaths << " reported=" << verdict.reports
       << " (alive but out of touch " << verdict.reports_of_live_nodes
       << ", repeated after loss or death " << verdict.reports_repeated << ") | healed "
       << history.healing_times.size() << " times: " << healing(history) << " | slots migrated "
       << history.migrations << ", primaries replaced " << history.failovers << " | longest stall "
       << seconds(longest_stall(history)) << " | RSS " << sizes(history) << " | "
       << (verdict.violations.empty() ? "PASSED" : "FAILED");
  return line.str();
}

std::vector<std::string> evidence(const std::filesystem::path& folder, const Violation& violation,
                                  std::size_t most) {
  std::vector<std::string> lines;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jsonl") continue;
    std::ifstream file(entry.path());
    std::string line;
    while (lines.size() < most && std::getline(file, line)) {
      if (line.find(violation.needle) == std::string::npos) continue;
      lines.push_back(entry.path().filename().string() + ": " + line);
    }
  }
  return lines;
}

}  // namespace mesh::chaos
