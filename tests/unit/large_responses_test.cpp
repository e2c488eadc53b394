#include <core/request_server.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <mesh/codec/nlohmann.hpp>
#include <support/coroutine.hpp>

#include <unit/run_on_strand.hpp>

namespace mesh::core {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::run_on_strand;
using test::soon;

/// Runs requests for a response of so many bytes; how often each answer is received is for the test
/// to say.
struct ResponseRig {
  ResponseRig(const Strand& strand, std::size_t size)
      : server(std::make_shared<RequestServer>(
            RequestServer::Context{strand, strand.get_inner_executor(), {}, 10s, null_log_sink()},
            counters)) {
    auto handler = [size] { return std::string(size, 'x'); };
    server->handlers().set(
        "fill", std::make_shared<detail::FunctionHandler<decltype(handler), void, std::string>>(
                    "fill", std::move(handler)));
    server->start(
        [this](InstanceId /*target*/, Answer&& answer) { answers.push_back(std::move(answer)); });
  }

  void ask(bool repeat) {
    wire::Request request{"id", 3, "fill", "null", 5s};
    request.repeat = repeat;
    server->on_request(std::move(request));
  }
  asio::awaitable<bool> begin() {
    ask(false);
    const auto has_one = [this] { return answers.size() == 1; };
    co_return co_await eventually(has_one);
  }
  bool is_refused() const { return answers.back().message.find("\"error\"") != std::string::npos; }
  asio::awaitable<void> stop() {
    server->cancel_all();
    EXPECT_TRUE(co_await server->join_until(soon()));
  }

  Counters counters;
  std::vector<Answer> answers;
  std::shared_ptr<RequestServer> server;
};

TEST(LargeResponses, ThatWereReceivedTwiceAreNotSentAThirdTime) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    ResponseRig rig(strand, 100'000);
    CO_ASSERT_TRUE(co_await rig.begin());
    ++*rig.answers.at(0).deliveries;
    rig.ask(true);
    rig.ask(true);
    CO_ASSERT_TRUE(rig.answers.size() == 3);
    EXPECT_FALSE(rig.is_refused()) << "the second may not have been received";
    ++*rig.answers.at(2).deliveries;
    rig.ask(true);
    CO_ASSERT_TRUE(rig.answers.size() == 4);
    EXPECT_TRUE(rig.is_refused());
    const std::string& error = rig.answers.back().message;
    EXPECT_NE(error.find("client-output-buffer-limit pubsub"), std::string::npos) << error;
    EXPECT_NE(error.find("has 1000"), std::string::npos) << error;
    co_await rig.stop();
  });
}

TEST(LargeResponses, ThatAreNotKeptAreNamedAfterTheFirstLoss) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    ResponseRig rig(strand, MeshLimits{}.remembered_bytes);
    CO_ASSERT_TRUE(co_await rig.begin());
    ++*rig.answers.at(0).deliveries;
    rig.ask(true);
    CO_ASSERT_TRUE(rig.answers.size() == 2);
    EXPECT_TRUE(rig.is_refused());
    const std::string& error = rig.answers.back().message;
    EXPECT_NE(error.find("lost once"), std::string::npos) << error;
    EXPECT_NE(error.find("client-output-buffer-limit pubsub"), std::string::npos) << error;
    EXPECT_NE(error.find("remembered_bytes"), std::string::npos) << error;
    co_await rig.stop();
  });
}

TEST(LargeResponses, SmallOnesAreSentAsOftenAsTheyAreAskedFor) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    ResponseRig rig(strand, 60'000);
    CO_ASSERT_TRUE(co_await rig.begin());
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(rig.answers.back().deliveries, nullptr);
      rig.ask(true);
      EXPECT_FALSE(rig.is_refused());
    }
    EXPECT_EQ(rig.answers.size(), 6U);
    co_await rig.stop();
  });
}

}  // namespace
}  // namespace mesh::core
