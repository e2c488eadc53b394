#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <integration/support/mesh_test.hpp>
#include <integration/support/outcome.hpp>
#include <integration/support/raw_peer.hpp>

namespace mesh::test {
namespace {

class Errors : public MeshTest {
 protected:
  static constexpr InstanceId peer_id = 777;
};

template <typename Error>
constexpr bool is_mesh_error = std::is_base_of_v<MeshError, Error>;

TEST_F(Errors, AllDeriveFromMeshError) {
  static_assert(std::is_base_of_v<std::runtime_error, MeshError>);
  static_assert(is_mesh_error<MeshRequestTimeoutError> && is_mesh_error<MeshHandlerError> &&
                is_mesh_error<MeshNoHandlerError> && is_mesh_error<MeshStoppedError> &&
                is_mesh_error<MeshNotRunningError> && is_mesh_error<MeshAlreadyRunningError> &&
                is_mesh_error<MeshConnectionError> && is_mesh_error<MeshDecodeError> &&
                is_mesh_error<MeshEncodeError> && is_mesh_error<MeshLimitError> &&
                is_mesh_error<MeshRedisError>);
  static_assert(std::is_base_of_v<MeshRequestTimeoutError, MeshNodeUnreachableError>);
  EXPECT_STREQ(MeshStoppedError().what(), "MeshService stopped");
  EXPECT_STREQ(MeshNotRunningError().what(), "MeshService is not running");
  EXPECT_STREQ(MeshAlreadyRunningError().what(), "MeshService is already running");
}

TEST_F(Errors, SayWhichCallFailed) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto unreachable =
        co_await expect_error<MeshNodeUnreachableError>(node->invoke<"ask">(4711));
    CO_ASSERT_TRUE(unreachable);
    const std::string what = unreachable->what();
    EXPECT_NE(what.find("ask"), std::string::npos) << what;
    EXPECT_NE(what.find("4711"), std::string::npos) << what;
    const auto no_handler = co_await expect_error<MeshNoHandlerError>(node->invoke<"ask">(1));
    CO_ASSERT_TRUE(no_handler);
    EXPECT_NE(std::string(no_handler->what()).find("ask"), std::string::npos);
    co_await node->stop();
  });
}

TEST_F(Errors, AnUndecodableReplyIsADecodeErrorWithTypeAndPath) {
  RawPeer peer(redis().options(), "test:mesh:" + key(), peer_id);
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    struct Case {
      const char* data;
      const char* path;
    };
    const std::vector<Case> cases{
        {R"({"items":[{"name":"a","price":1},{"name":"b","price":"dear"}]})", "/items/1/price"},
        {R"({"items":[{"name":"a"}]})", "/items/0/price"},
        {R"({"items":7})", "/items"},
        {R"({})", "/items"},
        {R"("text")", ""},
        {R"(null)", ""},
    };
    const Order request;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      Outcome<Order> outcome;
      node->invoke<"order">(peer_id, request, {}, outcome.token());
      const Json sent = co_await peer.message(i);
      CO_ASSERT_TRUE(sent.is_object());
      const Json response{{"requestId", sent.at("requestId")},
                          {"reply", true},
                          {"data", Json::parse(cases[i].data)}};
      peer.send(1, response);
      const auto error = co_await expect_error<MeshDecodeError>(outcome.get());
      CO_ASSERT_TRUE(error);
      EXPECT_EQ(error->type(), "order");
      if (cases[i].path[0] != '\0') {
        EXPECT_EQ(error->path(), cases[i].path) << cases[i].data << ": " << error->what();
      }
      EXPECT_NE(std::string(error->what()).find("order"), std::string::npos) << error->what();
      EXPECT_NE(std::string(error->what()).find(error->path()), std::string::npos);
    }
    co_await node->stop();
  });
}

TEST_F(Errors, ARequestThatCannotBeEncodedFailsAtOnceAndIsNotSent) {
  RawPeer peer(redis().options(), "test:mesh:" + key(), peer_id);
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const Text text = text_of("caf\xe9");
    const auto error = co_await expect_error<MeshEncodeError>(node->invoke<"echo">(peer_id, text));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->type(), "echo");
    EXPECT_NE(std::string(error->what()).find("echo"), std::string::npos) << error->what();
    const Opaque opaque;
    const auto refused =
        co_await expect_error<MeshEncodeError>(node->invoke<"opaque">(peer_id, opaque));
    CO_ASSERT_TRUE(refused);
    EXPECT_NE(std::string(refused->what()).find("Opaque was serialized"), std::string::npos)
        << refused->what();
    const Json untyped{{"bad", "\xff"}};
    co_await expect_error<MeshEncodeError>(node->invoke<"untyped">(peer_id, untyped));
    co_await node->stop();
    EXPECT_TRUE(peer.received().empty());
  });
}

TEST_F(Errors, ANegativeTimeoutIsAnInvalidArgument) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    node->register_handler<"ask">([] { return text_of("x"); });
    for (const InstanceId id : {InstanceId{1}, InstanceId{2}}) {
      const auto error =
          co_await expect_error<std::invalid_argument>(node->invoke<"ask">(id, {.timeout = -1ms}));
      CO_ASSERT_TRUE(error);
      EXPECT_NE(std::string(error->what()).find("timeout"), std::string::npos) << error->what();
    }
    co_await node->stop();
  });
}

// Options -----------------------------------------------------------------------------------------

TEST_F(Errors, DefaultsOfTheOptionsAreThoseOfTheOriginal) {
  const MeshOptions defaults;
  EXPECT_EQ(defaults.heartbeat_interval, 5000ms);
  EXPECT_EQ(defaults.node_ttl, 15000ms);
  EXPECT_EQ(defaults.request_timeout, 10000ms);
  EXPECT_EQ(defaults.leader.ttl, 30000ms);
  EXPECT_EQ(defaults.leader.renewal_interval, 10000ms);
  EXPECT_EQ(defaults.leader.retry_delay, 5000ms);
}

TEST_F(Errors, WrongOptionsAreRefusedAtConstructionByName) {
  struct Case {
    std::string option;
    std::function<void(MeshOptions&)> spoil;
  };
  const std::vector<Case> cases{
      {"heartbeat_interval", [](MeshOptions& wrong) { wrong.heartbeat_interval = 0ms; }},
      {"heartbeat_interval", [](MeshOptions& wrong) { wrong.heartbeat_interval = -5ms; }},
      {"node_ttl", [](MeshOptions& wrong) { wrong.node_ttl = 0ms; }},
      {"node_ttl", [](MeshOptions& wrong) { wrong.node_ttl = wrong.heartbeat_interval; }},
      {"node_ttl", [](MeshOptions& wrong) { wrong.heartbeat_interval = 2 * wrong.node_ttl; }},
      {"request_timeout", [](MeshOptions& wrong) { wrong.request_timeout = 0ms; }},
      {"request_timeout", [](MeshOptions& wrong) { wrong.request_timeout = milliseconds::max(); }},
      {"start_timeout", [](MeshOptions& wrong) { wrong.start_timeout = -1ms; }},
      {"start_timeout", [](MeshOptions& wrong) { wrong.start_timeout = milliseconds::max(); }},
      {"stop_timeout", [](MeshOptions& wrong) { wrong.stop_timeout = 0ms; }},
      {"LeaderOptions::ttl", [](MeshOptions& wrong) { wrong.leader.ttl = 0ms; }},
      {"LeaderOptions::ttl",
       [](MeshOptions& wrong) { wrong.leader.ttl = wrong.leader.renewal_interval; }},
      {"renewal_interval", [](MeshOptions& wrong) { wrong.leader.renewal_interval = 0ms; }},
      {"retry_delay", [](MeshOptions& wrong) { wrong.leader.retry_delay = 0ms; }},
      {"message_size", [](MeshOptions& wrong) { wrong.limits.message_size = 0; }},
      {"nesting_depth", [](MeshOptions& wrong) { wrong.limits.nesting_depth = 0; }},
      {"pending_calls", [](MeshOptions& wrong) { wrong.limits.pending_calls = 0; }},
      {"concurrent_handlers", [](MeshOptions& wrong) { wrong.limits.concurrent_handlers = 0; }},
      {"queued_bytes", [](MeshOptions& wrong) { wrong.limits.queued_bytes = 0; }},
      {"MeshOptions::log", [](MeshOptions& wrong) { wrong.log = nullptr; }},
      {"RedisOptions::host", [](MeshOptions& wrong) { wrong.redis.host.clear(); }},
      {"RedisOptions::port", [](MeshOptions& wrong) { wrong.redis.port = 0; }},
      {"RedisOptions::tls_key",
       [](MeshOptions& wrong) {
         wrong.redis.tls = true;
         wrong.redis.tls_cert = "certificate.pem";
       }},
      {"database", [](MeshOptions& wrong) { wrong.redis.database = -1; }},
      {"password", [](MeshOptions& wrong) { wrong.redis.password.clear(); }},  // of the user
      {"connect_timeout", [](MeshOptions& wrong) { wrong.redis.connect_timeout = 0ms; }},
      {"reconnect_min_delay", [](MeshOptions& wrong) { wrong.redis.reconnect_min_delay = 0ms; }},
      {"reconnect_max_delay", [](MeshOptions& wrong) { wrong.redis.reconnect_max_delay = 5ms; }},
      {"health_check_interval",
       [](MeshOptions& wrong) { wrong.redis.health_check_interval = 0ms; }},
      {"sentinel_port",
       [](MeshOptions& wrong) {
         wrong.redis.sentinel_host = "sentinel";
         wrong.redis.sentinel_port = 0;
       }},
      {"sentinel_name",
       [](MeshOptions& wrong) {
         wrong.redis.sentinel_host = "sentinel";
         wrong.redis.sentinel_name.clear();
       }},
  };
  asio::io_context context;
  for (const Case& wrong : cases) {
    MeshOptions node_options = options();
    wrong.spoil(node_options);
    try {
      const Service node(context.get_executor(), key(), node_options);
      ADD_FAILURE() << "accepted: " << wrong.option;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(wrong.option), std::string::npos) << error.what();
    }
  }
}

TEST_F(Errors, AnEmptyKeyIsRefusedAtConstruction) {
  asio::io_context context;
  const MeshOptions node_options = options();
  try {
    const Service node(context.get_executor(), "", node_options);
    ADD_FAILURE() << "accepted an empty key";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("key"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace mesh::test
