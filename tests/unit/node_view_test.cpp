#include <core/node_view.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <unit/virtual_time.hpp>
#include <vector>

namespace mesh::core {
namespace {

using namespace std::chrono_literals;

constexpr NodeView::Times times{10s, 5s};
constexpr InstanceId self = 100;

MeshNode node(InstanceId id) {
  MeshNode result;
  result.instance_id = id;
  result.hostname = "host" + std::to_string(id);
  return result;
}

std::vector<MeshNode> nodes(const std::vector<InstanceId>& ids) {
  std::vector<MeshNode> result;
  for (const InstanceId id : ids) result.push_back(node(id));
  return result;
}

/// Such as "+1 -2".
std::string text(const std::vector<NodeView::Change>& changes) {
  std::string result;
  for (const auto& change : changes) {
    if (!result.empty()) result += " ";
    result += change.change == NodeChange::joined ? "+" : "-";
    result += std::to_string(change.node.instance_id);
    EXPECT_EQ(change.node.hostname, node(change.node.instance_id).hostname);
  }
  return result;
}

std::vector<MeshNode> with_self(std::vector<MeshNode> others) {
  others.push_back(node(self));
  others.back().self = true;
  return others;
}

std::string list(NodeView& view, const std::vector<InstanceId>& ids, TimePoint now) {
  return text(view.on_listed(with_self(nodes(ids)), view.begin_listing(), now));
}

/// A list of which this very node is missing.
std::string list_without_self(NodeView& view, const std::vector<InstanceId>& ids, TimePoint now) {
  return text(view.on_listed(nodes(ids), view.begin_listing(), now));
}

TEST(NodeView, ReportsWhoIsThereAndThenWhoJoins) {
  NodeView view(times);
  EXPECT_EQ(list(view, {1, 2}, start), "+1 +2");
  EXPECT_EQ(list(view, {1, 2}, start + 1s), "");
  EXPECT_EQ(list(view, {1, 2, 5}, start + 2s), "+5");
}

TEST(NodeView, DoesNotReportTheNodeItself) {
  NodeView view(times);
  auto listed = nodes({1, 2});
  listed.front().self = true;
  EXPECT_EQ(text(view.on_listed(listed, view.begin_listing(), start)), "+2");
}

TEST(NodeView, ReportsAtOnceWhoAnnouncesToLeave) {
  NodeView view(times);
  list(view, {1, 2}, start);
  EXPECT_EQ(text(view.on_left(2)), "-2");
  EXPECT_EQ(text(view.on_left(2)), "");
  EXPECT_EQ(text(view.on_left(7)), "");
  EXPECT_EQ(list(view, {1}, start + 1s), "");
}

TEST(NodeView, AListThatWasAskedForBeforeTheAnnouncementDoesNotBringANodeBack) {
  NodeView view(times);
  list(view, {1, 2}, start);
  const auto listing = view.begin_listing();
  EXPECT_EQ(text(view.on_left(2)), "-2");
  EXPECT_EQ(text(view.on_listed(with_self(nodes({1, 2})), listing, start)), "");
  EXPECT_EQ(list(view, {1, 2}, start + 1s), "+2");
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
  EXPECT_EQ(text(view.on_left(3)), "-3");
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
}  // namespace mesh::core
