#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "checker.hpp"
#include "spans.hpp"

namespace mesh::chaos {

namespace {

const char* const reported_once = "a node that died is reported once";
const char* const not_reported = "a node that lives is not reported";

bool data_lost_within(const History& history, const Span& span) {
  return std::any_of(history.losses.begin(), history.losses.end(), [&](const History::Loss& loss) {
    return loss.kind != "lock" && loss.span.overlaps(span);
  });
}

std::string needle(InstanceId id) { return "\"id\":" + std::to_string(id) + ","; }

std::vector<History::Report> reports_of(const History& history, InstanceId id) {
  std::vector<History::Report> reports;
  std::copy_if(history.reports.begin(), history.reports.end(), std::back_inserter(reports),
               [id](const auto& report) { return report.id == id; });
  std::sort(reports.begin(), reports.end(),
            [](const auto& left, const auto& right) { return left.time < right.time; });
  return reports;
}

/// A report may tell of a removal some time before: of two of these times, how long at most.
Nanoseconds patience(const History& history) { return history.node_ttl + history.slack; }

/// The reporting process died, or was stopped or out of touch for so long that it was taken for
/// dead, so soon after that the report may not have been ticked off.
bool reporter_died(const History& history, const History::Report& report) {
  const History::Process& process = process_of(history, report.member);
  const Nanoseconds latest = report.time + history.slack;
  const auto is_like_death = [&](const Span& span) {
    const Nanoseconds from = std::max(span.from, report.time);
    return from < latest && span.to - from > history.node_ttl / 2;
  };
  const auto spans = blocked(history, report.member);
  return (process.killed && *process.killed < latest) ||
         std::any_of(spans.begin(), spans.end(), is_like_death);
}

bool came_back_between(const History& history, InstanceId id, const Span& span) {
  return std::any_of(history.holds.begin(), history.holds.end(), [&](const auto& hold) {
    return hold.id == id && hold.span.overlaps(span) && hold.span.to > span.from;
  });
}

void check_repetitions(const History& history, InstanceId id,
                       const std::vector<History::Report>& reports, Verdict& verdict) {
  for (std::size_t i = 1; i < reports.size(); ++i) {
    const Span between{reports[i - 1].time, reports[i].time};
    if (came_back_between(history, id, between)) continue;
    Span since = between;
    since.from -= patience(history);
    if (data_lost_within(history, since) || reporter_died(history, reports[i - 1])) {
      ++verdict.reports_repeated;
    } else {
      verdict.fail(reported_once,
                   "node " + std::to_string(id) + " was reported again after " +
                       seconds(between.to - between.from),
                   needle(id));
    }
  }
}

/// A report of a node that was alive all the time and never out of touch.
void check_report(const History& history, const History::Report& report, Verdict& verdict) {
  const Nanoseconds delay = covered(held_up(process_of(history, report.member)),
                                    Span{report.time - 20 * history.node_ttl, report.time});
  const Span before{report.time - patience(history) - delay, report.time};
  const History::IdHold* alive = nullptr;
  for (const History::IdHold& hold : history.holds) {
    if (hold.id != report.id) continue;
    if (hold.span.from > report.time || hold.span.to < report.time) continue;
    if (hold.span.from < before.from) alive = &hold;
  }
  if (alive == nullptr) return;
  if (any_overlaps(blocked(history, alive->member), before) || data_lost_within(history, before)) {
    ++verdict.reports_of_live_nodes;
    return;
  }
  verdict.fail(not_reported,
               alive->member + " (node " + std::to_string(report.id) + ") was reported by " +
                   report.member + " while it was alive and in touch",
               needle(report.id));
}

void check_death(const History& history, const History::Dead& dead, Verdict& verdict) {
  ++verdict.deaths;
  const auto reports = reports_of(history, dead.id);
  // It may have been removed before its death, which a pause can have preceded.
  const Nanoseconds earliest = dead.time - 2 * patience(history);
  const bool reported = std::any_of(reports.begin(), reports.end(),
                                    [&](const auto& report) { return report.time >= earliest; });
  const Nanoseconds latest = dead.time + patience(history) + 2 * history.leader_ttl;
  if (reported || data_lost_within(history, Span{dead.time, latest})) return;
  verdict.fail(reported_once,
               dead.name + " (node " + std::to_string(dead.id) + ") died and was never reported",
               needle(dead.id));
}

}  // namespace

void check_clean_up(const History& history, Verdict& verdict) {
  std::map<InstanceId, std::size_t> ids;
  for (const History::Report& report : history.reports) {
    ++verdict.reports;
    ++ids[report.id];
    check_report(history, report, verdict);
  }
  for (const auto& [id, count] : ids) {
    if (count > 1) check_repetitions(history, id, reports_of(history, id), verdict);
  }
  for (const History::Dead& dead : history.dead) check_death(history, dead, verdict);
}

}  // namespace mesh::chaos
