// Halves of surrogate pairs, as JavaScript writes a text that was cut in the middle of an emoji.
#include <gtest/gtest.h>

#include <string>

#include <boost/asio/this_coro.hpp>
#include <integration/support/patient_nodes_test.hpp>
#include <integration/support/raw_peer.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

const std::string cut_text = R"("cut\ud83d")";
const std::string mended_text = "cut\xef\xbf\xbd";

class CutText : public PatientNodesTest {};

TEST_F(CutText, ReachesHandlersCallersAndListeners) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Node node(executor, key(), patient());
    register_handlers(node);
    std::string news;
    node.register_broadcast_handler<"news">([&](const std::string& text) { news = text; });
    co_await node.start();
    RawPeer peer(redis().options(), "test:mesh:" + key(), 77);

    probe().publish(
        channel(node.instance_id()),
        R"({"requestId":"r","senderInstanceId":77,"type":"echo","timeoutMs":10000,"data":)" +
            cut_text + "}");
    const auto response = co_await peer.message(0);
    EXPECT_EQ(response.value("data", ""), mended_text) << response;

    const auto call = begin_echo(executor, node, 77, "x", 20s);
    const auto request = co_await peer.message(1);
    probe().publish(channel(node.instance_id()), R"({"requestId":")" +
                                                     request.value("requestId", "") +
                                                     R"(","reply":true,"data":)" + cut_text + "}");
    const auto is_done = [&] { return call->is_done(); };
    EXPECT_TRUE(co_await eventually(is_done));
    EXPECT_EQ(call->answer, mended_text) << call->what();

    probe().publish(
        name("broadcast"),
        R"({"broadcast":true,"senderInstanceId":77,"type":"news","data":)" + cut_text + "}");
    const auto is_heard = [&] { return news == mended_text; };
    EXPECT_TRUE(co_await eventually(is_heard)) << log().text();
    EXPECT_EQ(node.stats().messages_dropped, 0U);
    co_await node.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
