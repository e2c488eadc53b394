#include <core/node_view.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <unit/virtual_time.hpp>
#include <vector>

namespace mesh::core {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 10s;
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

std::string list(NodeView& view, const std::vector<InstanceId>& ids, TimePoint now) {
  return text(view.on_listed(nodes(ids), view.begin_listing(), now));
}

TEST(NodeView, ReportsWhoIsThereAndThenWhoJoins) {
  NodeView view(patience);
  EXPECT_EQ(list(view, {1, 2}, start), "+1 +2");
  EXPECT_EQ(list(view, {1, 2}, start + 1s), "");
  EXPECT_EQ(list(view, {1, 2, 5}, start + 2s), "+5");
}

TEST(NodeView, DoesNotReportTheNodeItself) {
  NodeView view(patience);
  auto listed = nodes({1, 2});
  listed.front().self = true;
  EXPECT_EQ(text(view.on_listed(listed, view.begin_listing(), start)), "+2");
}

TEST(NodeView, ReportsAtOnceWhoAnnouncesToLeave) {
  NodeView view(patience);
  list(view, {1, 2}, start);
  EXPECT_EQ(text(view.on_left(2)), "-2");
  EXPECT_EQ(text(view.on_left(2)), "");
  EXPECT_EQ(text(view.on_left(7)), "");
  EXPECT_EQ(list(view, {1}, start + 1s), "");
}

TEST(NodeView, AListThatWasAskedForBeforeTheAnnouncementDoesNotBringANodeBack) {
  NodeView view(patience);
  list(view, {1, 2}, start);
  const auto listing = view.begin_listing();
  EXPECT_EQ(text(view.on_left(2)), "-2");
  EXPECT_EQ(text(view.on_listed(nodes({1, 2}), listing, start)), "");
  EXPECT_EQ(list(view, {1, 2}, start + 1s), "+2");
}

TEST(NodeView, ANodeThatIsOnlyMissingHasLeftAfterATime) {
  NodeView view(patience);
  list(view, {1, 2}, start);
  EXPECT_EQ(list(view, {1}, start + 9s), "");
  EXPECT_EQ(list(view, {1}, start + 10s), "-2");
  EXPECT_EQ(list(view, {1}, start + 15s), "");
  EXPECT_EQ(list(view, {1, 2}, start + 16s), "+2");
}

TEST(NodeView, AfterATimeWithoutListsTheNodesGetTimeToComeBack) {
  NodeView view(patience);
  list(view, {1, 2}, start);
  EXPECT_EQ(list(view, {}, start + 60s), "");
  EXPECT_EQ(list(view, {1}, start + 69s), "");
  EXPECT_EQ(list(view, {1}, start + 70s), "-2");
}

TEST(NodeView, ANodeThatIsMissingForAMomentHasNotLeft) {
  NodeView view(patience);
  list(view, {1, 2}, start);
  EXPECT_EQ(list(view, {}, start + 9s), "");
  EXPECT_EQ(list(view, {1, 2}, start + 11s - 2s), "");
  EXPECT_EQ(list(view, {}, start + 18s), "");
}

}  // namespace
}  // namespace mesh::core
