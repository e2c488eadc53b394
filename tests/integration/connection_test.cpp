#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <integration/start_attempts.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/descriptor.hpp>
#include <support/env_var.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>
#include <support/temp_dir.hpp>
#include <support/wait.hpp>

namespace mesh::test::faults {
namespace {

const std::string secret = "pa55-word.of-this-test";

/// It fails within `connect_timeout`, give or take a slow machine.
void expect_in_time(const FailedStart& start) { EXPECT_LT(start.elapsed, 10s); }

RedisOptions at_port(std::uint16_t port) {
  RedisOptions options;
  options.port = port;
  options.prefix = "test";
  options.mutex_prefix = "test";
  options.connect_timeout = 300ms;
  return options;
}

bool has_ipv6_loopback() {
  const Descriptor socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  return bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

// Ways to connect ---------------------------------------------------------------------------------

TEST(Connection, WorksOverTcp) {
  const RedisServer server;
  expect_usable(server.options());
}

TEST(Connection, AnErrorAndTheLogSayOnceWhereTheAddressCameFrom) {
  const std::string address = "127.0.0.1:" + std::to_string(find_free_port());
  const EnvVar url("MESH_REDIS_URL", "redis://user:" + secret + "@" + address);
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key,
              patient_options(MeshOptions().redis, log));
    const auto error = co_await expect_error<MeshConnectionError>(node.start());
    CO_ASSERT_TRUE(error);
    const std::string expected =
        "cannot use Redis at " + address + " (from MESH_REDIS_URL): Connection refused";
    EXPECT_EQ(std::string(error->what()), expected);
    EXPECT_EQ(error->cause(), "Connection refused");
    EXPECT_TRUE(log.contains(expected, LogLevel::warning)) << log.text();
    EXPECT_EQ(log.text().find(secret), std::string::npos) << log.text();
  });
}

TEST(Connection, WorksOverAUnixSocket) {
  RedisServerOptions only_socket;
  only_socket.tcp = false;
  const RedisServer server(only_socket);
  RedisOptions redis = server.options();
  redis.port = 1;  // not used
  expect_usable(redis);
}

TEST(Connection, ResolvesAHostName) {
  const RedisServer server;
  RedisOptions redis = server.options();
  redis.host = "localhost";
  expect_usable(redis);
}

TEST(Connection, WorksOverIpv6) {
  if (!has_ipv6_loopback()) {
    GTEST_LOG_(INFO) << "this machine has no ::1, so there is nothing to test";
    return;
  }
  RedisServerOptions both;
  both.config = {"bind 127.0.0.1 ::1"};
  const RedisServer server(both);
  RedisOptions redis = server.options();
  redis.host = "::1";
  expect_usable(redis);
}

TEST(Connection, AuthenticatesWithAPassword) {
  RedisServerOptions guarded;
  guarded.password = secret;
  const RedisServer server(guarded);
  expect_usable(server.options());
  expect_usable(server.socket_options());
}

TEST(Connection, AuthenticatesWithUserAndPassword) {
  RedisServerOptions with_user;
  with_user.config = {"user default on nopass sanitize-payload ~* &* +@all",
                      "user alice on >" + secret + " ~test:* &test:* +@all"};
  const RedisServer server(with_user);
  RedisOptions redis = server.options();
  redis.username = "alice";
  redis.password = secret;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    co_await node.start();
    const auto clients = server.command({"CLIENT", "LIST"}).get<std::string>();
    std::size_t as_alice = 0;
    for (auto at = clients.find("user=alice"); at != std::string::npos;
         at = clients.find("user=alice", at + 1)) {
      ++as_alice;
    }
    EXPECT_EQ(as_alice, 2U) << clients;
    co_await node.stop();
  });
  expect_usable(redis);
}

TEST(Connection, SelectsTheDatabase) {
  const RedisServer server;
  RedisOptions redis = server.options();
  redis.database = 5;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    co_await node.start();
    RedisOptions of_admin = server.admin_options();
    of_admin.database = 5;
    RedisProbe in_5(of_admin);
    const auto lock_is_there = [&] { return in_5.exists(mesh_lock); };
    EXPECT_TRUE(co_await eventually(lock_is_there));
    EXPECT_TRUE(in_5.exists(key_of("heartbeats")));
    EXPECT_TRUE(in_5.exists(key_of("nodes")));
    EXPECT_TRUE(in_5.exists(key_of("next_id")));
    EXPECT_TRUE(server.probe().keys().empty());
    co_await node.stop();
  });
  expect_usable(redis);
}

// A URL in the environment ------------------------------------------------------------------------

RedisOptions from_url(const std::string& url) {
  const EnvVar variable("MESH_REDIS_URL", url);
  RedisOptions options = RedisOptions::from_env("MESH", "app");
  options.prefix = "test";
  options.mutex_prefix = "test";
  return options;
}

void expect_keys_in_database(const RedisServer& server, int database) {
  RedisOptions redis = server.admin_options();
  redis.database = database;
  EXPECT_TRUE(RedisProbe(redis).exists(key_of("next_id"))) << "in database " << database;
}

TEST(Connection, TakesHostPortPasswordAndDatabaseFromAUrl) {
  RedisServerOptions guarded;
  guarded.password = secret;
  const RedisServer server(guarded);
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  expect_usable(from_url("redis://:" + secret + "@" + address + "/2"));
  expect_keys_in_database(server, 2);
  expect_usable(from_url("redis://default:" + secret + "@" + address));
  expect_keys_in_database(server, 0);
}

TEST(Connection, TakesUnixSocketPasswordAndDatabaseFromAUrl) {
  RedisServerOptions guarded;
  guarded.tcp = false;
  guarded.password = secret;
  const RedisServer server(guarded);
  expect_usable(from_url("unix://:" + secret + "@" + server.socket() + "?db=3"));
  expect_keys_in_database(server, 3);
}

TEST(Connection, TakesUserAndPasswordFromAUrl) {
  RedisServerOptions with_user;
  // The default user can do no more than the server's own probe needs.
  with_user.config = {"user default on nopass ~* &* +ping +info",
                      "user mesh on >" + secret + " ~* &* +@all"};
  const RedisServer server(with_user);
  expect_usable(from_url("redis://mesh:" + secret + "@127.0.0.1:" + std::to_string(server.port())));
  expect_usable(from_url("unix://mesh:" + secret + "@" + server.socket()));
}

// No way to connect -------------------------------------------------------------------------------

void expect_secret_kept(const FailedStart& start, const std::string& word) {
  ASSERT_TRUE(start.error);
  EXPECT_EQ(std::string(start.error->what()).find(word), std::string::npos);
  EXPECT_EQ(start.error->cause().find(word), std::string::npos);
  EXPECT_EQ(start.log.find(word), std::string::npos) << start.log;
}

TEST(Connection, FailsWithAWrongPasswordWithoutTellingIt) {
  RedisServerOptions guarded;
  guarded.password = "another-one";
  const RedisServer server(guarded);
  RedisOptions redis = server.options();
  redis.password = secret;
  const FailedStart start = start_in_vain(redis);
  ASSERT_TRUE(start.error);
  EXPECT_EQ(start.error->host(), "127.0.0.1");
  EXPECT_EQ(start.error->port(), server.port());
  EXPECT_NE(start.error->cause().find("AUTH"), std::string::npos) << start.error->cause();
  EXPECT_NE(start.error->cause().find("WRONGPASS"), std::string::npos) << start.error->cause();
  expect_secret_kept(start, secret);
  expect_in_time(start);
}

TEST(Connection, FailsWithAWrongUserWithoutTellingThePassword) {
  const RedisServer server;
  RedisOptions redis = server.options();
  redis.username = "nobody";
  redis.password = secret;
  const FailedStart start = start_in_vain(redis);
  ASSERT_TRUE(start.error);
  EXPECT_NE(start.error->cause().find("AUTH"), std::string::npos) << start.error->cause();
  expect_secret_kept(start, secret);
}

TEST(Connection, FailsWithoutTheRequiredPassword) {
  RedisServerOptions guarded;
  guarded.password = secret;
  const RedisServer server(guarded);
  RedisOptions redis = server.options();
  redis.password.clear();
  const FailedStart start = start_in_vain(redis);
  ASSERT_TRUE(start.error);
  EXPECT_NE(start.error->cause().find("NOAUTH"), std::string::npos) << start.error->cause();
}

TEST(Connection, FailsWithADatabaseThatDoesNotExist) {
  const RedisServer server;
  RedisOptions redis = server.options();
  redis.database = 1000;
  const FailedStart start = start_in_vain(redis);
  ASSERT_TRUE(start.error);
  EXPECT_NE(start.error->cause().find("SELECT"), std::string::npos) << start.error->cause();
}

TEST(Connection, FailsWhereNobodyListens) {
  const std::uint16_t port = find_free_port();
  const FailedStart start = start_in_vain(at_port(port));
  ASSERT_TRUE(start.error);
  EXPECT_EQ(start.error->host(), "127.0.0.1");
  EXPECT_EQ(start.error->port(), port);
  EXPECT_NE(start.error->cause().find("refused"), std::string::npos) << start.error->cause();
  const std::string what = start.error->what();
  EXPECT_NE(what.find("127.0.0.1:" + std::to_string(port)), std::string::npos) << what;
  EXPECT_NE(what.find(start.error->cause()), std::string::npos) << what;
  expect_in_time(start);
}

TEST(Connection, FailsWhereThereIsNoUnixSocket) {
  const TempDir directory;
  RedisOptions redis = at_port(6379);
  redis.unix_socket = (directory.path() / "none.sock").string();
  const FailedStart start = start_in_vain(redis);
  ASSERT_TRUE(start.error);
  EXPECT_EQ(start.error->host(), redis.unix_socket);
  EXPECT_EQ(start.error->port(), 0);
  EXPECT_NE(start.error->cause().find("No such file"), std::string::npos) << start.error->cause();
  expect_in_time(start);
}

TEST(Connection, FailsAtTheDeadlineWhereNobodyAnswers) {
  const SilentServer silent;
  const FailedStart start = start_in_vain(at_port(silent.port()));
  ASSERT_TRUE(start.error);
  EXPECT_EQ(start.error->host(), "127.0.0.1");
  EXPECT_EQ(start.error->port(), silent.port());
  EXPECT_NE(start.error->cause().find("in time"), std::string::npos) << start.error->cause();
  EXPECT_GE(start.elapsed, 290ms);
  expect_in_time(start);
}

TEST(Connection, FailsAtTheDeadlineWhereNobodyAccepts) {
  // A queue that is full of others: what comes now is not even connected.
  const Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener.get(), raw, size), 0);
  ASSERT_EQ(listen(listener.get(), 0), 0);
  ASSERT_EQ(getsockname(listener.get(), raw, &size), 0);
  std::vector<Descriptor> others;
  for (int i = 0; i < 8; ++i) {
    others.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    [[maybe_unused]] const int status = connect(others.back().get(), raw, size);
  }
  const std::uint16_t port = ntohs(address.sin_port);
  const FailedStart start = start_in_vain(at_port(port));
  ASSERT_TRUE(start.error);
  EXPECT_EQ(start.error->port(), port);
  EXPECT_NE(start.error->cause().find("in time"), std::string::npos) << start.error->cause();
  expect_in_time(start);
}

TEST(Connection, FailsWhereTheServerHangsUp) {
  const SilentServer rude("", true);
  const FailedStart start = start_in_vain(at_port(rude.port()));
  ASSERT_TRUE(start.error);
  EXPECT_EQ(start.error->port(), rude.port());
  EXPECT_FALSE(start.error->cause().empty());
  expect_in_time(start);
}

TEST(Connection, FailsWhereTheServerIsNotRedis) {
  const SilentServer web_server("HTTP/1.1 400 Bad Request\r\n\r\n");
  const FailedStart start = start_in_vain(at_port(web_server.port()));
  ASSERT_TRUE(start.error);
  EXPECT_EQ(start.error->port(), web_server.port());
  EXPECT_EQ(start.error->cause(),
            "what answers at 127.0.0.1:" + std::to_string(web_server.port()) +
                " is not Redis: it speaks HTTP, \"HTTP/1.1 400 Bad Request\"");
  expect_in_time(start);
}

TEST(Connection, FailsWhereTheNameIsUnknown) {
  RedisOptions redis = at_port(6379);
  redis.host = "no-such-host.invalid";
  redis.connect_timeout = 5s;  // somebody's resolver may be slow
  const FailedStart start = start_in_vain(redis);
  ASSERT_TRUE(start.error);
  EXPECT_EQ(start.error->host(), "no-such-host.invalid");
  EXPECT_EQ(start.error->port(), 6379);
  EXPECT_NE(start.error->cause().find("resolve"), std::string::npos) << start.error->cause();
  EXPECT_LT(start.elapsed, 15s);
}

TEST(Connection, FailsWhereRedisHasTooManyClients) {
  RedisServerOptions narrow;
  narrow.config = {"maxclients 3"};
  const RedisServer server(narrow);
  std::vector<RedisProbe> others;
  const auto fill = [&] {
    try {
      while (others.size() < 3) {
        RedisProbe other = server.probe();
        other.text({"PING"});
        others.push_back(std::move(other));
      }
      return true;
    } catch (const RedisProbeError&) {
      return false;  // one that has just gone still counts
    }
  };
  ASSERT_TRUE(wait_until(fill));
  const FailedStart start = start_in_vain(server.options());
  ASSERT_TRUE(start.error);
  EXPECT_EQ(start.error->port(), server.port());
  EXPECT_FALSE(start.error->cause().empty());
}

TEST(Connection, FailsWhereAPermissionIsMissing) {
  RedisServerOptions with_user;
  with_user.config = {"user limited on >" + secret + " ~* &* +ping +select +auth"};
  const RedisServer server(with_user);
  RedisOptions redis = server.options();
  redis.username = "limited";
  redis.password = secret;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    const auto error = co_await expect_error<MeshRedisError>(node.start());
    CO_ASSERT_TRUE(error);
    EXPECT_NE(std::string(error->what()).find("NOPERM"), std::string::npos) << error->what();
    EXPECT_FALSE(log.contains(secret));
    EXPECT_EQ(node.instance_id(), 0);
  });
}

TEST(Connection, CanBeStartedAgainAfterItFailed) {
  RedisServer server;
  server.kill();
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    register_handlers(node);
    co_await expect_error<MeshConnectionError>(node.start());
    co_await expect_error<MeshConnectionError>(node.start());
    const auto error = co_await expect_error<MeshNotRunningError>(node.get_nodes());
    EXPECT_TRUE(error);
    server.start();
    co_await node.start();
    EXPECT_GT(node.instance_id(), 0);
    const auto nodes = co_await node.get_nodes();
    EXPECT_EQ(nodes.size(), 1U);
    co_await node.stop();
  });
}

TEST(Connection, StopDuringAStartThatHangsEndsBoth) {
  const SilentServer silent;
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    RedisOptions redis = at_port(silent.port());
    redis.connect_timeout = 1min;
    LogCapture log;
    Node node(executor, mesh_key, patient_options(redis, log));
    std::exception_ptr failure;
    bool ended = false;
    auto complete = [&](std::exception_ptr error) {
      failure = std::move(error);
      ended = true;
    };
    node.start(asio::bind_executor(executor, complete));
    co_await sleep_for(20ms);
    co_await node.stop();
    const auto is_ended = [&] { return ended; };
    CO_ASSERT_TRUE(co_await eventually(is_ended));
    EXPECT_THROW(std::rethrow_exception(failure), MeshStoppedError);
  });
}

}  // namespace
}  // namespace mesh::test::faults
