#include <algorithm>
#include <string>
#include <vector>

#include "checker.hpp"
#include "spans.hpp"

namespace mesh::chaos {

namespace {

const char* const one_leader = "never two leaders";
const char* const growing_tokens = "fencing tokens grow from leader to leader";

std::string describe(const History::Term& term) {
  return term.member + " (token " + std::to_string(term.token) + ")";
}

void check_pair(const History::Term& older, const History::Term& newer, Verdict& verdict) {
  const Span overlap{newer.span.from, std::min(older.span.to, newer.span.to)};
  if (older.member == newer.member || overlap.from > overlap.to) return;
  verdict.fail(one_leader,
               describe(older) + " and " + describe(newer) + " both led for " +
                   seconds(overlap.to - overlap.from) + " or longer",
               std::to_string(newer.token));
}

void check_tokens(const History::Term& older, const History::Term& newer, Verdict& verdict) {
  if (newer.token > older.token) return;
  verdict.fail(growing_tokens, describe(newer) + " came after " + describe(older),
               std::to_string(newer.token));
}

/// While it is cut off a leader cannot renew, and must stop to lead a margin before the lock ends.
void check_lease(const History& history, const History::LeaseCut& cut, Verdict& verdict) {
  for (const History::Look& look : history.leading_looks) {
    if (History::process_of(look.member) != cut.process) continue;
    // While answers are held the lease may end, and the lock be asked for anew.
    const Nanoseconds granted = std::max(cut.renewed, look.term_began);
    const Nanoseconds end_of_lease = granted + history.leader_ttl * 19 / 20;
    if (look.before <= end_of_lease || look.before >= cut.to) continue;
    verdict.fail("a lease ends before the lock can",
                 look.member + " led " + seconds(look.before - cut.renewed) +
                     " after its last renewal was sent; the lock lives for " +
                     seconds(history.leader_ttl),
                 "\"t0\":" + std::to_string(look.before));
    return;
  }
}

void check_callbacks(const History& history, Verdict& verdict) {
  for (const auto& [member, callbacks] : history.leader_callbacks) {
    bool leads = false;
    for (const auto& [time, became] : callbacks) {
      if (became == leads) {
        verdict.fail("leader callbacks alternate",
                     member + (became ? " became leader" : " lost leadership") + " twice in a row",
                     "\"t\":" + std::to_string(time));
      }
      leads = became;
    }
  }
}

}  // namespace

void check_leaders(const History& history, Verdict& verdict) {
  std::vector<History::Term> terms = history.terms;
  verdict.terms = terms.size();
  std::sort(terms.begin(), terms.end(),
            [](const auto& left, const auto& right) { return left.span.from < right.span.from; });
  for (std::size_t newer = 0; newer < terms.size(); ++newer) {
    for (std::size_t older = 0; older < newer; ++older) {
      check_pair(terms[older], terms[newer], verdict);
    }
    if (newer > 0) check_tokens(terms[newer - 1], terms[newer], verdict);
  }
  for (const History::LeaseCut& cut : history.lease_cuts) check_lease(history, cut, verdict);
  check_callbacks(history, verdict);
}

}  // namespace mesh::chaos
