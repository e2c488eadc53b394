#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "checker.hpp"
#include "spans.hpp"

namespace mesh::chaos {

namespace {

const char* const one_outcome = "every call has one outcome, in time";
const char* const run_once = "a handler runs at most once per call";
const char* const not_run = "a call that is said not to have run has not";

/// When a call has to have ended at the latest, had the caller never stood still.
Nanoseconds latest_end(const History& history, const History::Call& call) {
  Nanoseconds sign_of_life = *call.begin;
  for (const History::Run& run : call.runs) {
    // Heartbeats keep the call alive while the handler runs; a process that died runs none.
    const History::Process& process = process_of(history, run.member);
    const Nanoseconds death = process.killed.value_or(process.last_event);
    sign_of_life = std::max(sign_of_life, run.end.value_or(death));
  }
  return sign_of_life + call.timeout + history.slack;
}

void check_end_in_time(const History& history, const std::string& number, const History::Call& call,
                       Verdict& verdict) {
  const History::Process& caller = process_of(history, call.member);
  const Nanoseconds latest = latest_end(history, call);
  const Nanoseconds still = covered(held_up(caller), Span{*call.begin, call.end.value_or(forever)});
  if (call.end) {
    if (*call.end > latest + still) {
      verdict.fail(one_outcome,
                   number + " ended with \"" + call.outcome + "\" " +
                       seconds(*call.end - latest - still) + " too late",
                   number);
    }
    return;
  }
  const bool died_before = caller.killed && *caller.killed < latest + still;
  if (!died_before) verdict.fail(one_outcome, number + " has no outcome", number);
  if (died_before) ++verdict.outcomes["caller killed"];
}

bool may_end_so(const History::Call& call) {
  static const std::set<std::string> always{"timeout",     "unreachable", "stopped",
                                            "not_running", "connection",  "redis"};
  if (call.kind == "self") return call.outcome == "ok" || always.contains(call.outcome);
  if (always.contains(call.outcome)) return true;
  // The target was told to stop before the handler ran, or while it did.
  static const std::set<std::string> stopping{"MeshService stopped", "the node is stopping"};
  const bool is_refusal = call.outcome == "refused" || call.outcome == "handler_error";
  if (is_refusal && stopping.contains(call.text)) return true;
  if (call.kind == "fail")
    return call.outcome == "handler_error" && call.text.starts_with("failed: ");
  if (call.kind == "missing") return call.outcome == "no_handler";
  if (call.kind == "any" && call.outcome == "no_node") return true;
  return call.outcome == "ok" && call.kind != "never";
}

void check_outcome(const std::string& number, const History::Call& call, Verdict& verdict) {
  if (!call.end) return;
  ++verdict.outcomes[call.outcome];
  if (call.ends > 1) {
    verdict.fail(one_outcome, number + " has " + std::to_string(call.ends) + " outcomes", number);
  }
  if (!may_end_so(call)) {
    verdict.fail("a call ends as its handler does",
                 number + " (" + call.kind + ") ended with \"" + call.outcome + "\": " + call.text,
                 number);
  }
  const bool ran_before = std::any_of(call.runs.begin(), call.runs.end(),
                                      [&](const auto& run) { return run.begin <= *call.end; });
  if (call.outcome == "ok" && !ran_before) {
    verdict.fail("a call ends as its handler does", number + " succeeded but was never run",
                 number);
  }
}

/// What the runner published can reach a target that the node's own request did not reach: then
/// the node is right that this has not run.
bool may_be_of_the_runner(const History& history, const std::string& number,
                          const History::Run& run) {
  const auto repeated = history.repeated.find(number);
  return repeated != history.repeated.end() && repeated->second <= run.begin;
}

/// Runs of later are those of requests that the runner repeated after the call had ended.
void check_executed(const History& history, const std::string& number, const History::Call& call,
                    Verdict& verdict) {
  if (!call.end) return;
  std::vector<History::Run> before_end = call.runs;
  std::erase_if(before_end, [&](const History::Run& run) { return run.begin > *call.end; });
  const bool has_run = !before_end.empty();
  const bool is_excused = std::ranges::all_of(before_end, [&](const History::Run& run) {
    return may_be_of_the_runner(history, number, run);
  });
  if (call.executed == "no" && has_run && is_excused) {
    ++verdict.runs_of_the_runner;
  } else if (call.executed == "no" && has_run) {
    verdict.fail(not_run, number + " (" + call.outcome + ", " + call.text + ") has run", number);
  }
  if (call.outcome != "ok" && call.executed == "yes" && !has_run) {
    verdict.fail(not_run, number + " (" + call.outcome + ") is said to have run", number);
  }
}

/// Nobody has had the id for long before the call, nor during it.
bool was_to_nobody(const History& history, const History::Call& call) {
  if (call.kind == "never") return true;
  const Span around{*call.begin - history.node_ttl - history.slack, *call.end};
  bool known = false;
  for (const History::IdHold& hold : history.holds) {
    if (hold.id != call.target) continue;
    known = true;
    if (hold.span.overlaps(around)) return false;
  }
  return known;
}

/// A monitor that left before the caller asked who listens looks like a node that may run the call.
bool was_heard_by_one_who_left(const History& history, const History::Call& call) {
  const Span asks_within{*call.begin, *call.begin + history.node_ttl};
  return std::any_of(history.monitors.begin(), history.monitors.end(), [&](const Span& monitor) {
    return asks_within.overlaps(Span{monitor.to, monitor.to});
  });
}

/// Only a caller that could not use Redis may be left to find out by waiting.
void check_call_to_nobody(const History& history, const std::string& number,
                          const History::Call& call, Verdict& verdict) {
  if (call.outcome != "timeout" || call.timeout < history.node_ttl) return;
  if (!was_to_nobody(history, call) || was_heard_by_one_who_left(history, call)) return;
  std::vector<Span> excuses = blocked(history, call.member);
  for (const History::Loss& loss : history.losses) {
    if (loss.kind == "failover") excuses.push_back(loss.span);
  }
  const Span waited{*call.begin, *call.end};
  if (any_overlaps(prolonged(std::move(excuses), 2 * history.node_ttl), waited)) return;
  verdict.fail("a call to nobody is told so",
               number + " to node " + std::to_string(call.target) + ", which nobody was, timed out",
               number);
}

/// A call to any node that goes on with another leaves a request behind that nobody has got; what
/// the runner publishes of it can reach the node that it was for.
bool was_brought_again_by_the_runner(const History& history, const std::string& number,
                                     const History::Call& call) {
  const auto by_the_runner = std::ranges::count_if(call.runs, [&](const History::Run& run) {
    return may_be_of_the_runner(history, number, run);
  });
  return call.kind == "any" && static_cast<std::size_t>(by_the_runner) + 1 >= call.runs.size();
}

void check_runs(const History& history, const std::string& number, const History::Call& call,
                Verdict& verdict) {
  verdict.runs += call.runs.size();
  if (call.runs.size() < 2) return;
  if (was_brought_again_by_the_runner(history, number, call)) {
    ++verdict.runs_of_the_runner;
    return;
  }
  std::set<std::string> members;
  Span between{forever, 0};
  for (const History::Run& run : call.runs) {
    members.insert(run.member);
    between.from = std::min(between.from, run.begin);
    between.to = std::max(between.to, run.begin);
  }
  if (call.begin) between.from = std::min(between.from, *call.begin);
  // Once Redis has forgotten who has an id, two nodes can have it for a moment, and a node can get
  // the id to which a request to a dead one was sent.
  between.from -= 2 * history.node_ttl + history.slack;
  const bool lost = std::any_of(
      history.losses.begin(), history.losses.end(),
      [&](const auto& loss) { return loss.kind != "lock" && loss.span.overlaps(between); });
  if (members.size() == call.runs.size() && lost) {
    ++verdict.runs_twice_after_loss;
  } else {
    verdict.fail(run_once, number + " was run " + std::to_string(call.runs.size()) + " times",
                 number);
  }
}

}  // namespace

void check_calls(const History& history, Verdict& verdict) {
  for (const auto& [number, call] : history.calls) {
    check_runs(history, number, call, verdict);
    if (!call.begin) {
      verdict.fail(one_outcome, number + " was run or ended but never begun", number);
      continue;
    }
    check_outcome(number, call, verdict);
    check_executed(history, number, call, verdict);
    check_end_in_time(history, number, call, verdict);
    if (call.end) check_call_to_nobody(history, number, call, verdict);
  }
}

}  // namespace mesh::chaos
