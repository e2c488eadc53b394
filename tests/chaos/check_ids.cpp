#include <algorithm>
#include <string>
#include <vector>

#include "checker.hpp"
#include "spans.hpp"

namespace mesh::chaos {

namespace {

const char* const one_holder = "no two live nodes hold the same id";

/// Redis knows of a live node by its registration, by its ownership and by its subscription. It can
/// give away the id only if it has lost the first two, and the third with the connection.
bool could_be_given_away(const History& history, const History::IdHold& older,
                         const History::IdHold& newer) {
  const auto was_subscribed = [&](const History::Subscription& subscription) {
    return subscription.id == newer.id &&
           subscription.span.overlaps(Span{newer.span.from, newer.span.from});
  };
  if (std::any_of(history.subscriptions.begin(), history.subscriptions.end(), was_subscribed)) {
    return false;
  }
  const std::vector<Span> away =
      prolonged(joined(joined(process_of(history, older.member).cut_off, history.disconnections),
                       history.outages),
                history.slack);
  return std::any_of(history.losses.begin(), history.losses.end(), [&](const History::Loss& loss) {
    const Span until_taken{loss.span.from, newer.span.from};
    if (loss.kind == "lock" || loss.span.from > newer.span.from) return false;
    if (loss.span.to < older.span.from - history.slack) return false;
    return loss.kind == "failover" || any_overlaps(away, until_taken);
  });
}

void check_pair(const History& history, const History::IdHold& older, const History::IdHold& newer,
                Verdict& verdict) {
  const Span shared{newer.span.from, std::min(older.span.to, newer.span.to)};
  if (older.id != newer.id || older.member == newer.member || shared.from > shared.to) return;
  const std::string what = older.member + " and " + newer.member + " both had the id " +
                           std::to_string(newer.id) + " for " + seconds(shared.to - shared.from);
  const std::string needle = "\"id\":" + std::to_string(newer.id) + ",";
  if (!could_be_given_away(history, older, newer)) {
    verdict.fail(one_holder, what, needle);
    return;
  }
  ++verdict.two_holders_after_loss;
  std::vector<Span> excuses =
      joined(blocked(history, older.member), blocked(history, newer.member));
  for (const History::Loss& loss : history.losses) excuses.push_back(loss.span);
  const Nanoseconds unexcused = shared.to - shared.from - covered(std::move(excuses), shared);
  verdict.longest_shared_id = std::max(verdict.longest_shared_id, unexcused);
  if (unexcused > 2 * history.slack) {
    verdict.fail(one_holder, what + ", and neither noticed while it could have", needle);
  }
}

}  // namespace

void check_ids(const History& history, Verdict& verdict) {
  std::vector<History::IdHold> holds = history.holds;
  std::sort(holds.begin(), holds.end(),
            [](const auto& left, const auto& right) { return left.span.from < right.span.from; });
  for (std::size_t newer = 0; newer < holds.size(); ++newer) {
    for (std::size_t older = 0; older < newer; ++older) {
      check_pair(history, holds[older], holds[newer], verdict);
    }
  }
}

}  // namespace mesh::chaos
