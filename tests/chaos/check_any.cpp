#include <algorithm>
#include <set>
#include <string>

#include "checker.hpp"
#include "spans.hpp"

namespace mesh::chaos {

namespace {

const char* const goes_on = "a call to any node goes on with another";

/// Something else than the death of a node was going on: a node that can neither be heard nor be
/// known to be unreachable, or a Redis that knows less than it did.
bool is_disturbed(const History& history, const History::Call& call) {
  const Span around{*call.begin - 2 * history.node_ttl - history.slack, *call.end};
  const auto strikes = [&](const auto& entry) {
    const History::Process& process = entry.second;
    return any_overlaps(joined(held_up(process), process.cut_off), around);
  };
  const auto is_near = [&](Nanoseconds time) {
    return around.overlaps(Span{time - history.slack, time});
  };
  return any_overlaps(history.outages, around) || any_overlaps(history.disconnections, around) ||
         any_overlaps(history.monitors, around) ||
         std::ranges::any_of(history.losses,
                             [&](const auto& loss) { return loss.span.overlaps(around); }) ||
         std::ranges::any_of(history.processes, strikes) ||
         std::ranges::any_of(history.rearrangements, is_near);
}

/// A node that got the call may have died with it.
bool has_met_a_death(const History& history, const History::Call& call) {
  const Span meanwhile{*call.begin - history.node_ttl, *call.end};
  return std::ranges::any_of(history.processes, [&](const auto& entry) {
    const auto& killed = entry.second.killed;
    return killed && meanwhile.overlaps(Span{*killed, *killed});
  });
}

void check_one(const History& history, const std::string& number, const History::Call& call,
               Verdict& verdict) {
  static const std::set<std::string> not_taken{"unreachable", "refused", "no_handler", "no_node",
                                               "handler_error"};
  if (is_disturbed(history, call)) return;
  ++verdict.calls_to_any;
  if (call.executed == "no" && not_taken.contains(call.outcome)) {
    verdict.fail(goes_on, number + " ended with \"" + call.outcome + "\": " + call.text, number);
  }
  if (call.outcome == "timeout" && !has_met_a_death(history, call)) {
    verdict.fail(goes_on, number + " was left to a node that did not answer", number);
  }
}

}  // namespace

void check_any(const History& history, Verdict& verdict) {
  for (const auto& [number, call] : history.calls) {
    if (call.kind == "any" && call.begin && call.end) check_one(history, number, call, verdict);
  }
}

}  // namespace mesh::chaos
