#include <view/node_view.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unit/virtual_time.hpp>
#include <utility>
#include <vector>

namespace mesh::view {
namespace {

using namespace std::chrono_literals;

constexpr NodeView::Times times{10s, 5s};
constexpr InstanceId self = 100;
using Agreement = NodeView::Agreement;

NodeInfo node(InstanceId id) {
  NodeInfo result;
  result.instance_id = id;
  result.hostname = "host" + std::to_string(id);
  result.language = "C++";
  return result;
}

std::vector<NodeInfo> nodes(const std::vector<InstanceId>& ids) {
  std::vector<NodeInfo> result;
  for (const InstanceId id : ids) result.push_back(node(id));
  return result;
}

/// Such as "+1 -2".
std::string text(const NodeView::Changes& changes) {
  std::string result;
  for (const auto& change : changes) {
    if (change.node.self) continue;
    if (!result.empty()) result += " ";
    result += change.change == NodeChange::joined ? "+" : "-";
    result += std::to_string(change.node.instance_id);
    EXPECT_EQ(change.node.hostname, node(change.node.instance_id).hostname);
  }
  return result;
}

std::vector<NodeInfo> with_self(std::vector<NodeInfo> others) {
  others.push_back(node(self));
  others.back().self = true;
  return others;
}

ListState state_of(std::int64_t change, std::size_t members) {
  return {change, static_cast<std::int64_t>(members), 100, 0};
}

/// The list as it was after so many changes.
std::string list_at(NodeView& view, std::int64_t change, const std::vector<InstanceId>& ids,
                    TimePoint now) {
  view.begin_listing();
  return text(view.on_listed(with_self(nodes(ids)), state_of(change, ids.size() + 1), now));
}

std::string list(NodeView& view, const std::vector<InstanceId>& ids, TimePoint now) {
  return list_at(view, view.version() + 1, ids, now);
}

/// A list of which this very node is missing.
std::string list_without_self(NodeView& view, const std::vector<InstanceId>& ids, TimePoint now) {
  view.begin_listing();
  return text(view.on_listed(nodes(ids), state_of(view.version() + 1, ids.size()), now));
}

wire::NodeEvent joined(InstanceId id, std::int64_t change) {
  wire::NodeEvent event;
  event.joined = id;
  event.change = change;
  event.record = wire::NodeRecord{"owner", node(id)};
  return event;
}

wire::NodeEvent left(InstanceId id, std::optional<std::int64_t> change = std::nullopt) {
  wire::NodeEvent event;
  event.left = id;
  event.change = change;
  return event;
}

wire::NodeEvent changed(InstanceId id, std::int64_t change, const std::string& type) {
  wire::NodeEvent event = joined(id, change);
  event.changed = std::exchange(event.joined, std::nullopt);
  event.record->info.types = {type};
  return event;
}

TEST(NodeView, ReportsWhoIsThereAndThenWhoJoins) {
  NodeView view(times);
  EXPECT_EQ(list(view, {1, 2}, start), "+1 +2");
  EXPECT_EQ(list(view, {1, 2}, start + 1s), "");
  EXPECT_EQ(list(view, {1, 2, 5}, start + 2s), "+5");
}

TEST(NodeView, ReportsAtOnceWhoAnnouncesToLeave) {
  NodeView view(times);
  list_at(view, 7, {1, 2}, start);
  EXPECT_EQ(text(view.on_event(left(2, 8))), "-2");
  EXPECT_EQ(text(view.on_event(left(2, 9))), "");
  EXPECT_FALSE(view.needs_list());
  EXPECT_FALSE(view.nodes().contains(2));
}

TEST(NodeView, AnnouncementsThatFollowEachOtherNeedNoList) {
  NodeView view(times);
  EXPECT_TRUE(view.needs_list());
  EXPECT_FALSE(view.is_complete());
  list_at(view, 7, {1}, start);
  EXPECT_TRUE(view.is_complete());
  EXPECT_EQ(text(view.on_event(joined(2, 8))), "+2");
  const auto generation = view.generation();
  EXPECT_EQ(text(view.on_event(changed(2, 9, "work"))), "");
  EXPECT_NE(view.generation(), generation);
  EXPECT_EQ(view.nodes().at(2).types, std::vector<std::string>{"work"});
  EXPECT_EQ(text(view.on_event(left(1, 10))), "-1");
  EXPECT_FALSE(view.needs_list());
  EXPECT_EQ(view.compare(state_of(10, 2)), Agreement::yes);
}

TEST(NodeView, AnnouncementsThatComeTwiceAreNothingNew) {
  NodeView view(times);
  list_at(view, 7, {1, 2}, start);
  EXPECT_EQ(text(view.on_event(left(2, 7))), "");
  EXPECT_EQ(text(view.on_event(joined(3, 8))), "+3");
  EXPECT_EQ(text(view.on_event(joined(3, 8))), "");
  EXPECT_EQ(view.compare(state_of(8, 4)), Agreement::yes);
}

TEST(NodeView, OneThatIsMissingNeedsAList) {
  NodeView view(times);
  list_at(view, 7, {1}, start);
  EXPECT_EQ(text(view.on_event(joined(3, 9))), "");
  EXPECT_TRUE(view.needs_list());
  EXPECT_EQ(text(view.on_event(joined(2, 8))), "+2 +3");
  EXPECT_EQ(list_at(view, 9, {1, 2, 3}, start), "");
  EXPECT_FALSE(view.needs_list());
}

TEST(NodeView, WhatWasAnnouncedAfterTheListWasMadeIsAdded) {
  NodeView view(times);
  list_at(view, 7, {1, 2}, start);
  view.begin_listing();
  EXPECT_EQ(text(view.on_event(left(2, 8))), "-2");
  EXPECT_EQ(text(view.on_event(joined(3, 9))), "+3");
  EXPECT_EQ(text(view.on_event(joined(5, 11))), "");
  EXPECT_EQ(text(view.on_listed(with_self(nodes({1, 2})), state_of(7, 3), start)), "");
  EXPECT_EQ(view.version(), 9);
  EXPECT_TRUE(view.needs_list()) << "one is missing";
  EXPECT_EQ(text(view.on_event(joined(4, 10))), "+4 +5");
  EXPECT_EQ(view.compare(state_of(11, 5)), Agreement::yes);
}

TEST(NodeView, AListThatIsNewerThanAnnouncementsThatComeLateStays) {
  NodeView view(times);
  list_at(view, 7, {1, 2}, start);
  view.begin_listing();
  EXPECT_EQ(text(view.on_event(left(2, 8))), "-2");
  EXPECT_EQ(text(view.on_listed(with_self(nodes({1, 2, 3})), state_of(10, 4), start)), "+2 +3");
  EXPECT_EQ(text(view.on_event(joined(2, 9))), "");
  EXPECT_EQ(text(view.on_event(joined(3, 10))), "");
  EXPECT_FALSE(view.needs_list());
  EXPECT_EQ(view.compare(state_of(10, 4)), Agreement::yes);
}

TEST(NodeView, AnAnnouncementWithoutANumberNeedsAList) {
  NodeView view(times);
  list_at(view, 7, {1, 2}, start);
  view.begin_listing();
  EXPECT_EQ(text(view.on_event(left(2))), "-2");
  EXPECT_EQ(text(view.on_listed(with_self(nodes({1, 2})), state_of(7, 3), start)), "")
      << "it was asked for before";
  EXPECT_TRUE(view.needs_list());
  EXPECT_EQ(list_at(view, 7, {1}, start), "");
  EXPECT_FALSE(view.needs_list());
}

TEST(NodeView, AHeartbeatThatSawAnotherListIsNoticed) {
  NodeView view(times);
  EXPECT_EQ(view.compare(state_of(0, 0)), Agreement::no);
  list_at(view, 7, {1, 2}, start);
  EXPECT_EQ(view.compare(state_of(7, 3)), Agreement::yes);
  EXPECT_EQ(view.compare(state_of(8, 3)), Agreement::no);
  EXPECT_EQ(view.compare(state_of(6, 3)), Agreement::no);
  EXPECT_EQ(view.compare(state_of(7, 4)), Agreement::no) << "one in TypeScript has joined";
  ListState silent = state_of(7, 3);
  silent.silent = 1;
  EXPECT_EQ(view.compare(silent), Agreement::but_for_silent_ones);
}

TEST(NodeView, OneInTypeScriptThatTookThePlaceOfAnotherIsNoticed) {
  NodeView view(times);
  ListState later = state_of(7, 3);
  later.last_id = 101;
  list_at(view, 7, {1, 2}, start);
  EXPECT_EQ(view.compare(later), Agreement::yes) << "all announce themselves";
  auto listed = with_self(nodes({1, 2}));
  listed.front().language.clear();
  view.begin_listing();
  view.on_listed(listed, state_of(7, 3), start);
  EXPECT_EQ(view.compare(state_of(7, 3)), Agreement::yes);
  EXPECT_EQ(view.compare(later), Agreement::no);
}

TEST(NodeView, WithoutNumbersEveryHeartbeatNeedsAList) {
  NodeView view(times);
  list_at(view, 0, {1, 2}, start);
  EXPECT_FALSE(view.needs_list());
  EXPECT_EQ(view.compare(state_of(0, 3)), Agreement::no);
}

TEST(NodeView, WhatIsAheadOfTheListDoesNotOutlastTheNextOne) {
  NodeView view(times);
  list_at(view, 1000, {1}, start);
  view.on_event(joined(2, 1002));
  EXPECT_TRUE(view.needs_list());
  list_at(view, 1000, {1}, start);
  EXPECT_FALSE(view.needs_list()) << "Redis has lost it";
  view.begin_listing();
  view.on_event(left(1, 900'000'000'000'000));
  view.on_listed(with_self(nodes({1})), state_of(1000, 2), start);
  EXPECT_TRUE(view.needs_list());
  list_at(view, 1000, {1}, start);
  EXPECT_FALSE(view.needs_list());
}

TEST(NodeView, AHeartbeatThatIsEarlierThanAnnouncementsIsNoReasonForAList) {
  NodeView view(times);
  list_at(view, 7, {1}, start);
  view.on_event(joined(2, 8));
  view.on_event(joined(3, 9));
  EXPECT_EQ(view.compare(state_of(7, 2)), Agreement::yes);
  EXPECT_EQ(view.compare(state_of(8, 3)), Agreement::yes);
  EXPECT_EQ(view.compare(state_of(8, 4)), Agreement::no) << "one in TypeScript had joined";
  EXPECT_EQ(view.compare(state_of(6, 2)), Agreement::no);
}

TEST(NodeView, SilentNodesThatTheListKnewOfAreNothingNew) {
  NodeView view(times);
  ListState state = state_of(7, 4);
  state.silent = 2;
  view.begin_listing();
  view.on_listed(with_self(nodes({1})), state, start);
  EXPECT_EQ(view.compare(state), Agreement::yes);
  view.on_event(left(50, 8));
  state = state_of(8, 3);
  state.silent = 1;
  EXPECT_EQ(view.compare(state), Agreement::yes) << "the leader has removed one";
}

TEST(NodeView, MoreSilentNodesThanAreCountedNeedAList) {
  NodeView view(times);
  ListState state = state_of(7, 152);
  state.silent = most_silent;
  view.begin_listing();
  view.on_listed(with_self(nodes({1})), state, start);
  EXPECT_FALSE(view.needs_list());
  view.on_event(left(50, 8));
  EXPECT_TRUE(view.needs_list());
}

TEST(NodeView, AnAnnouncedJoinIsNoNewcomerInTypeScript) {
  NodeView view(times);
  auto listed = with_self(nodes({1}));
  listed.front().language.clear();
  view.begin_listing();
  view.on_listed(listed, state_of(7, 2), start);
  view.on_event(joined(101, 8));
  ListState state = state_of(8, 3);
  state.last_id = 101;
  EXPECT_EQ(view.compare(state), Agreement::yes);
  state.last_id = 102;
  EXPECT_EQ(view.compare(state), Agreement::no);
}

TEST(NodeView, AnIdThatThisNodeHasGivenUpIsAnothersWhenItComesBack) {
  NodeView view(times);
  list_at(view, 7, {1}, start);
  view.forget_node(self);
  EXPECT_TRUE(view.needs_list());
  view.begin_listing();
  auto listed = nodes({1, self, 101});
  listed.back().self = true;
  EXPECT_EQ(text(view.on_listed(listed, state_of(9, 3), start)), "+100");
}

TEST(NodeView, TooManyAnnouncementsAheadAreForgotten) {
  NodeView view(times);
  list_at(view, 7, {1}, start);
  view.begin_listing();
  for (std::int64_t change = 9; change < 20'000; ++change) view.on_event(joined(change, change));
  view.on_listed(with_self(nodes({1})), state_of(7, 2), start);
  EXPECT_TRUE(view.needs_list());
  EXPECT_EQ(view.nodes().size(), 2U);
}

TEST(NodeView, AfterAFailureTheListIsStillNeeded) {
  NodeView view(times);
  view.begin_listing();
  EXPECT_FALSE(view.needs_list());
  view.fail_listing();
  EXPECT_TRUE(view.needs_list());
}

TEST(NodeView, ANodeThatIsMissingFromTheListHasLeft) {
  NodeView view(times);
  list(view, {1, 2}, start);
  EXPECT_EQ(list(view, {1}, start + 1s), "-2");
  EXPECT_EQ(list(view, {1}, start + 2s), "");
  EXPECT_EQ(list(view, {1, 2}, start + 3s), "+2");
}

TEST(NodeView, AfterATimeWithoutListsTheNodesGetTimeToComeBack) {
  NodeView view(times);
  list(view, {1, 2}, start);
  EXPECT_EQ(list(view, {}, start + 60s), "");
  EXPECT_EQ(list(view, {1}, start + 64s), "");
  EXPECT_EQ(list(view, {1}, start + 65s), "-2");
}

TEST(NodeView, APauseThatIsNotTooLongProvesNothing) {
  NodeView view(times);
  list(view, {1, 2}, start);
  EXPECT_EQ(list(view, {1}, start + 10s), "-2");
}

TEST(NodeView, AListWithoutTheNodeItselfIsNotTrusted) {
  NodeView view(times);
  list(view, {1, 2}, start);
  EXPECT_EQ(list_without_self(view, {}, start + 1s), "");
  EXPECT_EQ(list(view, {1}, start + 5s), "");
  EXPECT_EQ(list(view, {1}, start + 6s), "-2");
}

TEST(NodeView, AListInDoubtIsTrustedAgainAfterATime) {
  NodeView view(times);
  list(view, {1, 2, 3}, start);
  view.doubt(start + 1s);
  EXPECT_EQ(list(view, {}, start + 2s), "");
  EXPECT_EQ(text(view.on_event(left(3))), "-3");
  EXPECT_EQ(list(view, {1}, start + 5s), "");
  EXPECT_EQ(list(view, {1}, start + 6s), "-2");
}

TEST(NodeView, ANodeThatIsMissingForAMomentInDoubtHasNotLeft) {
  NodeView view(times);
  list(view, {1, 2}, start);
  EXPECT_EQ(list_without_self(view, {}, start + 9s), "");
  EXPECT_EQ(list(view, {1, 2}, start + 11s), "");
  EXPECT_EQ(list(view, {1}, start + 18s), "-2");
}

}  // namespace
}  // namespace mesh::view
