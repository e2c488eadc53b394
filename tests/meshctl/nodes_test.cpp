#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>

#include <meshctl/meshctl_test.hpp>

namespace mesh::test {
namespace {

class MeshctlNodes : public MeshctlTest {
 protected:
  /// In columns, without what moves the cursor and colours.
  static std::size_t widest_line(const std::string& text) {
    std::size_t widest = 0;
    std::size_t width = 0;
    bool is_sequence = false;
    for (const char c : text) {
      if (c == '\r' || c == '\n') width = 0;
      if (c == '\x1b') is_sequence = true;
      const bool continues = (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
      if (!is_sequence && !continues && c != '\r' && c != '\n') widest = std::max(widest, ++width);
      if (is_sequence && std::isalpha(static_cast<unsigned char>(c)) != 0) is_sequence = false;
    }
    return widest;
  }
  static bool has_line_with(const Meshctl& process, const std::string& text) {
    const auto lines = process.lines();
    return std::ranges::any_of(
        lines, [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }
};

TEST_F(MeshctlNodes, AreListedWithWhatTheySayOfThemselves) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(2);
    const auto listed = co_await run(0, "nodes", "--json", "--rates", "--interval", "100ms");
    auto objects = listed->objects();
    CO_ASSERT_TRUE(objects.size() == 2);
    for (std::size_t i = 0; i < objects.size(); ++i) {
      Json& node = objects[i];
      EXPECT_EQ(node["id"], i + 1);
      EXPECT_EQ(node["name"], "billing");
      EXPECT_EQ(node["language"], "C++");
      EXPECT_EQ(node["version"], "1.4." + std::to_string(i));
      EXPECT_EQ(node["labels"]["zone"], i == 0 ? "a" : "b");
      EXPECT_EQ(node["types"].size(), 6U);
      EXPECT_TRUE(node["knowsPing"]);
      EXPECT_GT(node["pingUs"], 0);
      EXPECT_LT(node["heartbeatAgeMs"], 60000);
      EXPECT_GE(node["requestsPerSecond"], 0);
    }
    const auto table = co_await run(0, "nodes");
    EXPECT_EQ(table->lines().size(), 4U) << table->out();
    EXPECT_TRUE(has_line_with(*table, "billing  1.4.1")) << table->out();
    EXPECT_EQ(table->out().find('\x1b'), std::string::npos);
    const auto details = co_await run(0, "nodes", "--long");
    EXPECT_TRUE(has_line_with(*details, "fail,nothing,slow,tenant,untyped,who  zone=a"))
        << details->out();
    co_await stop_nodes();
  });
}

TEST_F(MeshctlNodes, ThatDoNotAnswerAreShown) {
  run_coroutine([&]() -> asio::awaitable<void> {
    register_ghost(7, static_cast<double>(probe().time().count()));
    const auto listed = co_await run(0, "nodes", "--json");
    auto objects = listed->objects();
    CO_ASSERT_TRUE(objects.size() == 1);
    EXPECT_EQ(objects[0]["hostname"], "ghost-host");
    EXPECT_EQ(objects[0]["error"]["kind"], "unreachable");
    EXPECT_FALSE(objects[0].contains("language"));
  });
}

TEST_F(MeshctlNodes, OfNobodyAreAnEmptyTable) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto listed = co_await run(0, "nodes");
    EXPECT_EQ(listed->lines().size(), 2U) << listed->out();
    auto objects = co_await run(0, "nodes", "--json");
    EXPECT_EQ(objects->out(), "");
  });
}

TEST_F(MeshctlNodes, NeverLeadNorLeaveAnything) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    EXPECT_TRUE(co_await eventually([&] { return nodes_[0]->leader().is_leader(); }));
    co_await stop_nodes();  // in good order, so that anybody may lead
    const auto token = [&] { return probe().get(lock() + ":fencing_token"); };
    const auto last_token = token();
    EXPECT_TRUE(last_token);
    register_ghost(77);  // a leader would remove it, and tell nobody
    co_await run(0, "nodes", "--rates", "--interval", "1500ms");
    EXPECT_TRUE(is_registered(77));
    EXPECT_EQ(token(), last_token);
    for (const InstanceId id : {2, 78}) {
      EXPECT_FALSE(is_registered(id));
      EXPECT_FALSE(probe().exists(name("owner:" + std::to_string(id))));
    }
  });
}

TEST_F(MeshctlNodes, AreWatchedInAPipeByALineForEachChange) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    const auto watch = begin({"nodes", "--watch", "--json"});
    EXPECT_TRUE(co_await eventually([&] { return has_line_with(*watch, "\"there\""); }));
    co_await start_nodes(1);
    EXPECT_TRUE(co_await eventually([&] { return has_line_with(*watch, "\"joined\""); }));
    co_await stop_nodes();
    EXPECT_TRUE(co_await eventually([&] { return watch->lines().size() == 4; }));
    watch->interrupt();
    EXPECT_EQ(co_await watch->ended(), 0) << watch->err();
    auto events = watch->objects();
    CO_ASSERT_TRUE(events.size() == 4);
    EXPECT_EQ(events[0]["node"], 1);
    EXPECT_EQ(events[0]["name"], "billing");
    EXPECT_EQ(events[1]["event"], "joined");
    EXPECT_EQ(events[1]["name"], "billing");
    EXPECT_EQ(events[2]["event"], "left");
    EXPECT_EQ(events[3]["event"], "left");
  });
}

TEST_F(MeshctlNodes, AreRedrawnInPlaceOnATerminal) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(3);
    for (const std::size_t columns : {80U, 120U}) {
      // `script` makes the terminal, on which Ctrl-C is what ends the program.
      const std::string inside = "stty cols " + std::to_string(columns) +
                                 " rows 5; exec timeout --foreground " +
                                 "--preserve-status -s INT 3 " MESH_TEST_MESHCTL
                                 " nodes --watch --long -i 100ms -p test " +
                                 "-k " + key() + " --url " + url_of(redis().options());
      ProcessOptions terminal;
      const TempDir directory;
      terminal.command = {"script", "-qec", inside, "/dev/null"};
      terminal.output = directory.path() / "out";
      ChildProcess process(terminal);
      const auto has_ended = [&] { return process.exit_status().has_value(); };
      CO_ASSERT_TRUE(co_await eventually(has_ended, 60s));
      EXPECT_EQ(process.exit_status()->code, 0);
      const std::string out = process.output();
      EXPECT_TRUE(out.starts_with("\x1b[?25l")) << out;
      EXPECT_TRUE(out.ends_with("\x1b[?25h")) << out;
      EXPECT_NE(out.find("\x1b[4A\r"), std::string::npos) << "not drawn twice: " << out;
      EXPECT_NE(out.find("... and 2 more"), std::string::npos) << out;
      EXPECT_GE(widest_line(out), 80U) << out;
      EXPECT_LE(widest_line(out), columns) << out;
    }
    co_await stop_nodes();
  });
}

}  // namespace
}  // namespace mesh::test
