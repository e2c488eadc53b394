#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include <integration/support/raw_peer.hpp>
#include <mesh/interceptor.hpp>
#include <meshctl/meshctl_test.hpp>

namespace mesh::test {
namespace {

class MeshctlCall : public MeshctlTest {};

TEST_F(MeshctlCall, PrintsTheReplyOfANode) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    for (const char* json : {R"({"a":[1,2]})", "[1,2]", "-5", "null", R"("text")"}) {
      const auto call = co_await run(0, "call", "1", "untyped", json);
      EXPECT_EQ(call->out(), std::string(json) + "\n");
      EXPECT_EQ(call->err(), "");
    }
    const auto without_data = co_await run(0, "call", "1", "nothing");
    EXPECT_EQ(without_data->out(), "null\n");
    co_await stop_nodes();
  });
}

TEST_F(MeshctlCall, TakesDataFromAFileAndFromStandardInput) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    const TempDir directory;
    const std::string path = directory.path() / "data.json";
    std::ofstream(path) << R"({"from": "a file"})" << '\n';
    const auto from_file = co_await run(0, "call", "1", "untyped", "@" + path);
    EXPECT_EQ(from_file->out(), "{\"from\":\"a file\"}\n");
    const auto from_input =
        co_await run_with_input(R"({"from":"input"})", 0, "call", "1", "untyped", "-");
    EXPECT_EQ(from_input->out(), "{\"from\":\"input\"}\n");
    const auto missing = co_await run(1, "call", "1", "untyped", "@/no/such/file");
    EXPECT_NE(missing->err().find("cannot read the file"), std::string::npos) << missing->err();
    co_await stop_nodes();
  });
}

TEST_F(MeshctlCall, ChoosesAmongNodes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(3);
    const auto labelled = co_await run(0, "call", "any", "who", "--label", "zone=b");
    EXPECT_EQ(labelled->out(), "2\n");
    const auto by_key = co_await run(0, "call", "key:user-42", "who");
    const auto again = co_await run(0, "call", "key:user-42", "who");
    EXPECT_EQ(by_key->out(), again->out());
    const auto any = co_await run(0, "call", "any", "who");
    EXPECT_EQ(any->lines().size(), 1U);
    const auto nobody = co_await run(2, "call", "any", "who", "--label", "zone=z");
    EXPECT_EQ(nobody->out(), "");
    EXPECT_NE(nobody->err().find("try: "), std::string::npos);
    co_await stop_nodes();
  });
}

TEST_F(MeshctlCall, OfAllPrintsALineForEachNode) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(3);
    nodes_[1]->register_handler("who", [](CallContext&, std::string_view) -> std::string {
      throw std::runtime_error("not I");
    });
    const auto all = co_await run(4, "call", "all", "who");
    auto objects = all->objects();
    CO_ASSERT_TRUE(objects.size() == 3);
    std::ranges::sort(objects, {}, [](const Json& line) { return line["node"].get<int>(); });
    EXPECT_EQ(objects[0], (Json{{"node", 1}, {"reply", 1}}));
    EXPECT_EQ(objects[1]["error"]["kind"], "handler");
    EXPECT_EQ(objects[1]["error"]["message"], "not I");
    EXPECT_EQ(objects[2], (Json{{"node", 3}, {"reply", 3}}));
    const auto nobody = co_await run(2, "call", "all", "missing");
    EXPECT_EQ(nobody->out(), "");
    co_await stop_nodes();
  });
}

TEST_F(MeshctlCall, SendsHeaders) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    const auto call = co_await run(0, "call", "1", "tenant", "--header", "tenant=blue=green");
    EXPECT_EQ(call->out(), "\"blue=green\"\n");
    const auto wrong = co_await run(1, "call", "1", "tenant", "--header", "tenant");
    EXPECT_NE(wrong->err().find("--header name=value"), std::string::npos) << wrong->err();
    co_await stop_nodes();
  });
}

TEST_F(MeshctlCall, EndsWithAStatusForEachClassOfErrors) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    const auto unreachable = co_await run(2, "call", "99", "who");
    EXPECT_NE(unreachable->err().find("meshctl nodes"), std::string::npos);
    const auto deadline = co_await run(3, "call", "1", "slow", "--deadline", "100ms");
    EXPECT_NE(deadline->err().find("--deadline"), std::string::npos);
    const auto failed = co_await run(4, "call", "1", "fail");
    EXPECT_NE(failed->err().find("nothing is left (code out_of_stock)"), std::string::npos);
    EXPECT_NE(failed->err().find(R"(details: {"left":0})"), std::string::npos);
    const auto missing = co_await run(6, "call", "1", "missing");
    EXPECT_NE(missing->err().find("nodes --long"), std::string::npos);
    register_ghost(55, static_cast<double>(probe().time().count()));
    co_await run(2, "call", "55", "who");
    co_await stop_nodes();
  });
}

class RefusesAll : public Interceptor {
 public:
  void before_handler(const CallContext& /*call*/) override {
    throw MeshRefusedError("not today", Refusal::refused);
  }
};

TEST_F(MeshctlCall, ThatIsRefusedHasAStatusOfItsOwn) {
  run_coroutine([&]() -> asio::awaitable<void> {
    MeshOptions refusing = options();
    refusing.interceptors.push_back(std::make_shared<RefusesAll>());
    const auto node = co_await start_node(std::move(refusing));
    node->register_handler<"nothing">([] {});
    const auto call = co_await run(5, "call", "1", "nothing");
    EXPECT_NE(call->err().find("not today"), std::string::npos) << call->err();
    co_await node->stop();
  });
}

TEST_F(MeshctlCall, EndsWithATimeoutWhereNothingIsHeard) {
  RawPeer silent(redis().options(), "test:mesh:" + key(), 777);
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto timeout = co_await run(3, "call", "777", "who", "--timeout", "3s");
    EXPECT_NE(timeout->err().find("meshctl ping"), std::string::npos) << timeout->err();
  });
}

TEST_F(MeshctlCall, CanBeInterrupted) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    const auto call = begin({"call", "1", "slow"});
    EXPECT_TRUE(co_await eventually([&] { return nodes_[0]->stats().handlers_running == 1; }));
    call->interrupt();
    EXPECT_EQ(co_await call->ended(), 130);
    // It has left in good order, and its call is cancelled.
    EXPECT_TRUE(co_await eventually([&] { return nodes_[0]->stats().handlers_running == 0; }));
    EXPECT_FALSE(is_registered(2));
    co_await stop_nodes();
  });
}

}  // namespace
}  // namespace mesh::test
