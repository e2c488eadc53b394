// Commands about what happens: listen, broadcast and leader.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <meshctl/meshctl_test.hpp>

namespace mesh::test {
namespace {

class MeshctlEvents : public MeshctlTest {};

TEST_F(MeshctlEvents, BroadcastReachesAllNodes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(2);
    std::vector<std::string> received;
    for (const auto& node : nodes_) {
      node->register_fallback_broadcast_handler(
          [&](std::string_view type, std::string_view json, InstanceId /*sender*/) {
            received.push_back(std::string(type) + std::string(json));
          });
    }
    const auto sent = co_await run(0, "broadcast", "reload", R"({"level":3})");
    EXPECT_EQ(sent->out() + sent->err(), "");
    EXPECT_TRUE(co_await eventually([&] { return received.size() == 2; }));
    EXPECT_EQ(received, (std::vector<std::string>(2, R"(reload{"level":3})")));
    const auto wrong = co_await run(1, "broadcast", "reload", "{level:3}");
    EXPECT_NE(wrong->err().find("not one JSON value"), std::string::npos) << wrong->err();
    co_await stop_nodes();
  });
}

TEST_F(MeshctlEvents, ListenPrintsBroadcastsAndNodes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    const auto listen = begin({"listen", "--json", "--count", "3"});
    EXPECT_TRUE(co_await eventually([&] { return listen->lines().size() == 1; }));
    const Text news = text_of("two\nlines");
    co_await nodes_[0]->broadcast<"news">(news);
    EXPECT_TRUE(co_await eventually([&] { return listen->lines().size() == 2; }));
    co_await stop_nodes();
    EXPECT_EQ(co_await listen->ended(), 0) << listen->err();
    auto events = listen->objects();
    CO_ASSERT_TRUE(events.size() == 3);
    EXPECT_EQ(events[0]["event"], "there");
    EXPECT_EQ(events[1]["event"], "broadcast");
    EXPECT_EQ(events[1]["type"], "news");
    EXPECT_EQ(events[1]["sender"], 1);
    EXPECT_EQ(events[1]["data"], (Json{{"text", "two\nlines"}}));
    EXPECT_EQ(events[2]["event"], "left");
  });
}

TEST_F(MeshctlEvents, ListenEndsInGoodOrderWhenInterrupted) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    const auto listen = begin({"listen", "--no-broadcasts"});
    EXPECT_TRUE(co_await eventually([&] { return listen->lines().size() == 1; }));
    EXPECT_TRUE(is_registered(2));
    listen->interrupt();
    EXPECT_EQ(co_await listen->ended(), 0) << listen->err();
    EXPECT_FALSE(is_registered(2));
    EXPECT_NE(listen->out().find("there     node 1 @ "), std::string::npos) << listen->out();
    co_await stop_nodes();
  });
}

TEST_F(MeshctlEvents, ListenTellsThatTheConnectionWasLost) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    const auto listen = begin({"listen", "--no-broadcasts", "--json"});
    EXPECT_TRUE(co_await eventually([&] { return listen->lines().size() == 1; }));
    kill_connections("pubsub");
    const auto is_back = [&] {
      return listen->out().find("\"disconnected\"") != std::string::npos &&
             listen->out().find("\"connected\"") != std::string::npos;
    };
    EXPECT_TRUE(co_await eventually(is_back)) << listen->out();
    listen->interrupt();
    EXPECT_EQ(co_await listen->ended(), 0);
    co_await stop_nodes();
  });
}

TEST_F(MeshctlEvents, LeaderTellsWhoHoldsTheLock) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto nobody = co_await run(2, "leader", "--json");
    EXPECT_EQ(nobody->objects().at(0)["held"], false);
    co_await start_nodes(1);
    EXPECT_TRUE(co_await eventually([&] { return nodes_[0]->leader().is_leader(); }));
    const auto leader = co_await run(0, "leader", "--json");
    Json found = leader->objects().at(0);
    EXPECT_EQ(found["held"], true);
    EXPECT_EQ(found["lock"], lock());
    EXPECT_EQ(found["holder"], probe().get(lock()).value_or(""));
    EXPECT_EQ(found["language"], "C++");
    EXPECT_GT(found["leftMs"], 0);
    EXPECT_LE(found["leftMs"], 31000);
    EXPECT_EQ(found["token"], nodes_[0]->leader().fencing_token());
    const auto text = co_await run(0, "leader");
    EXPECT_NE(text->out().find("since:     20"), std::string::npos) << text->out();
    co_await stop_nodes();
  });
}

TEST_F(MeshctlEvents, LeaderOfUnknownKindIsNotTakenForOneInCpp) {
  run_coroutine([&]() -> asio::awaitable<void> {
    occupy_leadership();
    const auto leader = co_await run(0, "leader", "--json");
    Json found = leader->objects().at(0);
    EXPECT_EQ(found["holder"], "somebody else");
    EXPECT_EQ(found["language"], nullptr);
    EXPECT_FALSE(found.contains("since"));
  });
}

}  // namespace
}  // namespace mesh::test
