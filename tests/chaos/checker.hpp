#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "history.hpp"

namespace mesh::chaos {

struct Violation {
  std::string rule;
  std::string text;
  std::string needle;  ///< What the log lines that show it contain.
};

/// What the checks found. Counts named "after loss" are what no library can prevent once Redis has
/// lost its data: they are shown, and are no violations.
struct Verdict {
  std::vector<Violation> violations;

  std::map<std::string, std::size_t> outcomes;
  std::size_t runs = 0;
  std::size_t runs_twice_after_loss = 0;
  std::size_t calls_to_any = 0;        ///< Which nothing excuses from being answered.
  std::size_t runs_of_the_runner = 0;  ///< Of a request that reached nobody, but by its repetition.
  std::size_t terms = 0;
  std::size_t two_holders_after_loss = 0;
  Nanoseconds longest_shared_id = 0;
  std::size_t deaths = 0;
  std::size_t reports = 0;
  std::size_t reports_of_live_nodes = 0;  ///< Which could not be heard for a time.
  std::size_t reports_repeated = 0;       ///< After loss, or after the first reporter died.

  void fail(std::string rule, std::string text, std::string needle) {
    violations.push_back({std::move(rule), std::move(text), std::move(needle)});
  }
};

/// Each adds to the verdict; docs/design.md has the invariants.
void check_calls(const History& history, Verdict& verdict);
void check_any(const History& history, Verdict& verdict);
void check_leaders(const History& history, Verdict& verdict);
void check_ids(const History& history, Verdict& verdict);
void check_clean_up(const History& history, Verdict& verdict);
void check_end(const History& history, Verdict& verdict);

Verdict check(const History& history);

/// All figures of a run, in one line.
std::string summary(const History& history, const Verdict& verdict);
/// The lines of the logs that contain the violation's needle, at most so many.
std::vector<std::string> evidence(const std::filesystem::path& folder, const Violation& violation,
                                  std::size_t most = 12);

}  // namespace mesh::chaos
