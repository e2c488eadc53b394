#include <gtest/gtest.h>

#include <sys/stat.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <integration/start_attempts.hpp>
#include <mesh/mesh.hpp>
#include <support/certificates.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>
#include <support/sentinel_cluster.hpp>
#include <support/temp_dir.hpp>

namespace mesh::test::faults {
namespace {

const std::string loopback_names = "IP:127.0.0.1,DNS:localhost";

/// An authority and a Redis with a certificate of it.
class TlsRedis {
 public:
  explicit TlsRedis(bool asks_clients = false, const std::string& names = loopback_names)
      : TlsRedis(false, asks_clients, names) {}

  CertificateAuthority& authority() { return *authority_; }
  RedisServer& server() { return *server_; }
  RedisOptions options() const { return server_->tls_options(); }

  static TlsRedis with_expired_certificate() { return TlsRedis(true, false, loopback_names); }

 private:
  TlsRedis(bool is_expired, bool asks_clients, const std::string& names)
      : authority_(std::make_unique<CertificateAuthority>()) {
    RedisServerOptions options;
    options.tls.emplace();
    options.tls->ca = authority_->file();
    options.tls->certificate =
        is_expired ? authority_->issue_expired(names) : authority_->issue(names);
    options.tls->asks_clients = asks_clients;
    server_ = std::make_unique<RedisServer>(options);
  }

  std::unique_ptr<CertificateAuthority> authority_;
  std::unique_ptr<RedisServer> server_;
};

RedisOptions with_certificate(RedisOptions redis, const Certificate& certificate) {
  redis.tls_cert = certificate.cert;
  redis.tls_key = certificate.key;
  return redis;
}

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

// What works --------------------------------------------------------------------------------------

TEST(Tls, TwoNodesTalk) {
  TlsRedis redis;
  expect_usable(redis.options());
}

TEST(Tls, AHostNameIsChecked) {
  TlsRedis redis(false, "DNS:localhost");
  RedisOptions options = redis.options();
  options.host = "localhost";
  expect_usable(options);
}

TEST(Tls, AnotherNameMayBeExpected) {
  TlsRedis redis(false, "DNS:redis.internal");
  RedisOptions options = redis.options();
  options.tls_server_name = "redis.internal";
  expect_usable(options);
}

TEST(Tls, Version12IsEnough) {
  TlsRedis redis;
  redis.server().command({"CONFIG", "SET", "tls-protocols", "TLSv1.2"});
  expect_usable(redis.options());
}

TEST(Tls, OlderVersionsAreRefused) {
  TlsRedis redis;
  redis.server().command({"CONFIG", "SET", "tls-ciphers", "DEFAULT@SECLEVEL=0"});
  redis.server().command({"CONFIG", "SET", "tls-protocols", "TLSv1.1"});
  EXPECT_CONTAINS(start_in_vain(redis.options()).cause, "TLS");
}

TEST(Tls, AClientCertificateIsShown) {
  TlsRedis redis(true);
  expect_usable(with_certificate(redis.options(), redis.authority().issue("DNS:node")));
}

TEST(Tls, PasswordAndDatabaseAreSentToo) {
  CertificateAuthority authority;
  RedisServerOptions guarded;
  guarded.password = "pa55-word";
  guarded.tls.emplace();
  guarded.tls->ca = authority.file();
  guarded.tls->certificate = authority.issue(loopback_names);
  const RedisServer server(guarded);
  RedisOptions redis = server.tls_options();
  redis.database = 3;
  expect_usable(redis);
  redis.password = "wrong";
  EXPECT_CONTAINS(start_in_vain(redis).cause, "WRONGPASS");
}

TEST(Tls, BroadcastsAndLeadershipWork) {
  TlsRedis redis;
  run_coroutine([&]() -> asio::awaitable<void> {
    Pair pair(co_await asio::this_coro::executor, redis.options());
    std::string heard;
    InstanceId sender = 0;
    pair.b.register_broadcast_handler<"news">([&](const std::string& text, InstanceId from) {
      heard = text;
      sender = from;
    });
    co_await pair.start();
    const std::string text = "hear, hear";
    co_await pair.a.broadcast<"news">(text, {.skip_self = true});
    EXPECT_TRUE(co_await eventually([&] { return heard == text; }));
    EXPECT_EQ(sender, pair.a.instance_id());
    const auto is_led = [&] { return pair.a.leader().is_leader() || pair.b.leader().is_leader(); };
    EXPECT_TRUE(co_await eventually(is_led));
    co_await pair.stop();
  });
}

TEST(Tls, LargeAndManyMessagesPass) {
  TlsRedis redis;
  run_coroutine([&](asio::io_context& context) -> asio::awaitable<void> {
    Pair pair(context.get_executor(), redis.options());
    co_await pair.start();
    std::vector<std::shared_ptr<Call>> calls;
    std::vector<std::string> texts;
    for (int i = 0; i < 2000; ++i) {
      const std::size_t size = i % 100 == 0 ? std::size_t{256} << 10U : 20;
      texts.push_back(std::to_string(i) + std::string(size, 'x'));
    }
    for (const std::string& text : texts) {
      calls.push_back(begin_echo(context.get_executor(), pair.a, pair.b.instance_id(), text, 50s));
    }
    for (std::size_t i = 0; i < calls.size(); ++i) {
      EXPECT_TRUE(co_await eventually([&] { return calls[i]->is_done(); }, 50s));
      EXPECT_EQ(calls[i]->completions, 1);
      EXPECT_TRUE(calls[i]->answer == texts[i]) << i << ": " << calls[i]->what();
    }
    co_await pair.stop();
  });
}

TEST(Tls, ARestartOfRedisIsSurvived) {
  TlsRedis redis;
  RunOptions beside;
  beside.threads = 2;
  beside.deadline = 120s;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    Pair pair(context.get_executor(), redis.options());
    co_await pair.start();
    redis.server().restart();
    EXPECT_TRUE(co_await recovers(pair.a, pair.b.instance_id())) << pair.log.text();
    EXPECT_TRUE(co_await recovers(pair.b, pair.a.instance_id())) << pair.log.text();
    EXPECT_TRUE(pair.log.contains("lost the connection", LogLevel::warning));
    co_await pair.stop();
  };
  run_coroutine(body, beside);
}

// Both connections are probed when they are silent; a pong on a subscribed one comes as a push.
TEST(Tls, IdleConnectionsStayHealthy) {
  TlsRedis redis;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    RedisOptions options = redis.options();
    options.health_check_interval = 500ms;
    MeshOptions mesh = patient_options(options, log);
    mesh.heartbeat_interval = 50s;
    mesh.leader.ttl = 60s;
    mesh.leader.renewal_interval = 50s;
    mesh.leader.retry_delay = 50s;
    Node node(co_await asio::this_coro::executor, mesh_key, mesh);
    co_await node.start();
    RedisProbe probe = redis.server().probe();
    const auto pings = [&] { return probe.command_stats().calls("ping"); };
    const auto before = pings();
    EXPECT_TRUE(co_await eventually([&] { return pings() >= before + 6; }, 60s));
    EXPECT_FALSE(log.contains("lost", LogLevel::warning)) << log.text();
    co_await node.stop();
  });
}

TEST(Tls, CertificatesAreReadAnewAtEachConnection) {
  TlsRedis redis(true);
  RunOptions beside;
  beside.threads = 2;
  beside.deadline = 120s;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    const Certificate first = redis.authority().issue("DNS:node");
    LogCapture log;
    Node node(context.get_executor(), mesh_key,
              patient_options(with_certificate(redis.options(), first), log));
    co_await node.start();
    std::filesystem::rename(first.key, first.key + ".away");
    redis.server().restart();
    const auto complained = [&] { return log.contains(first.key, LogLevel::warning); };
    EXPECT_TRUE(co_await eventually(complained)) << log.text();
    std::filesystem::rename(first.key + ".away", first.key);
    const auto recovered = [&] {
      return redis.server().probe().subscribers(channel_of(node.instance_id())) == 1;
    };
    EXPECT_TRUE(co_await eventually(recovered)) << log.text();
    co_await node.stop();
  };
  run_coroutine(body, beside);
}

// What is refused ---------------------------------------------------------------------------------

TEST(Tls, ACertificateOfAnotherAuthorityIsRefused) {
  TlsRedis redis;
  const CertificateAuthority other;
  RedisOptions options = redis.options();
  options.tls_ca = other.file();
  const std::string cause = start_in_vain(options).cause;
  EXPECT_CONTAINS(cause, "certificate is not accepted");
  EXPECT_CONTAINS(cause, "self-signed");
}

TEST(Tls, TheAuthoritiesOfTheSystemDoNotKnowOurs) {
  TlsRedis redis;
  RedisOptions options = redis.options();
  options.tls_ca.clear();
  EXPECT_CONTAINS(start_in_vain(options).cause, "certificate is not accepted");
}

TEST(Tls, AnotherHostNameIsRefused) {
  TlsRedis redis(false, "DNS:redis.internal,IP:127.0.0.1");
  RedisOptions options = redis.options();
  options.host = "localhost";
  std::string cause = start_in_vain(options).cause;
  EXPECT_CONTAINS(cause, "ostname mismatch");
  EXPECT_CONTAINS(cause, "\"localhost\"");
  options.host = "127.0.0.1";
  options.tls_server_name = "other.internal";
  cause = start_in_vain(options).cause;
  EXPECT_CONTAINS(cause, "ostname mismatch");
  EXPECT_CONTAINS(cause, "\"other.internal\"");
}

TEST(Tls, AnotherAddressIsRefused) {
  TlsRedis redis(false, "IP:127.0.0.2,DNS:127.0.0.1");
  EXPECT_CONTAINS(start_in_vain(redis.options()).cause, "IP address mismatch");
}

TEST(Tls, AnExpiredCertificateIsRefused) {
  TlsRedis redis = TlsRedis::with_expired_certificate();
  EXPECT_CONTAINS(start_in_vain(redis.options()).cause, "expired");
}

TEST(Tls, WithoutVerificationAnyCertificateWillDoAndAWarningSaysSo) {
  TlsRedis redis = TlsRedis::with_expired_certificate();
  run_coroutine([&]() -> asio::awaitable<void> {
    RedisOptions options = redis.options();
    options.tls_ca.clear();
    options.tls_verify = false;
    Pair pair(co_await asio::this_coro::executor, options);
    co_await pair.a.start();
    EXPECT_TRUE(pair.log.contains("tls_verify", LogLevel::warning)) << pair.log.text();
    EXPECT_EQ(pair.log.count("tls_verify"), 1U) << "though it has several connections";
    co_await pair.a.stop();
  });
}

TEST(Tls, AMissingClientCertificateIsNamed) {
  TlsRedis redis(true);
  EXPECT_CONTAINS(start_in_vain(redis.options()).cause, "wants a client certificate");
  redis.server().command({"CONFIG", "SET", "tls-protocols", "TLSv1.2"});
  EXPECT_CONTAINS(start_in_vain(redis.options()).cause, "wants a client certificate");
}

TEST(Tls, AClientCertificateOfAnotherAuthorityIsNamed) {
  TlsRedis redis(true);
  CertificateAuthority other;
  const Certificate certificate = other.issue("DNS:node");
  EXPECT_CONTAINS(start_in_vain(with_certificate(redis.options(), certificate)).cause,
                  "does not accept the client certificate");
}

TEST(Tls, APlainServerIsNotTakenForOneWithTls) {
  const RedisServer server;
  RedisOptions options = server.options();
  options.tls = true;
  options.connect_timeout = 2s;
  const FailedStart start = start_in_vain(options);
  EXPECT_CONTAINS(start.cause, "speak TLS");
  EXPECT_LT(start.elapsed, 15s);
}

TEST(Tls, AServerThatGreetsInPlainTextIsNotTakenForOneWithTls) {
  const SilentServer server("-ERR max number of clients reached\r\n", true);
  RedisOptions options;
  options.port = server.port();
  options.tls = true;
  EXPECT_CONTAINS(start_in_vain(options).cause, "speak TLS");
}

TEST(Tls, AServerThatHangsUpIsNamed) {
  const SilentServer server("", true);
  RedisOptions options;
  options.port = server.port();
  options.tls = true;
  const std::string cause = start_in_vain(options).cause;
  EXPECT_TRUE(cause.find("hung up") != std::string::npos ||
              cause.find("reset") != std::string::npos)
      << cause;
}

TEST(Tls, APlainClientIsToldThatItIsRefused) {
  TlsRedis redis;
  RedisOptions options = redis.options();
  options.tls = false;
  options.connect_timeout = 2s;
  EXPECT_NE(start_in_vain(options).cause, "");
}

TEST(Tls, AServerThatHangsInTheHandshakeEndsAtTheDeadline) {
  const SilentServer server;
  RedisOptions options;
  options.port = server.port();
  options.tls = true;
  options.connect_timeout = 1s;
  const FailedStart start = start_in_vain(options);
  EXPECT_CONTAINS(start.cause, "no TLS handshake in time");
  EXPECT_LT(start.elapsed, 15s);
}

// Files -------------------------------------------------------------------------------------------

TEST(Tls, FilesThatAreMissingAreNamed) {
  TlsRedis redis;
  const Certificate good = redis.authority().issue("DNS:node");
  const std::string missing = "/nonexistent/file.pem";
  RedisOptions options = redis.options();
  options.tls_ca = missing;
  std::string cause = start_in_vain(options).cause;
  EXPECT_CONTAINS(cause, "tls_ca");
  EXPECT_CONTAINS(cause, missing);
  EXPECT_CONTAINS(cause, "No such file");
  cause = start_in_vain(with_certificate(redis.options(), {missing, good.key})).cause;
  EXPECT_CONTAINS(cause, "tls_cert");
  EXPECT_CONTAINS(cause, missing);
  cause = start_in_vain(with_certificate(redis.options(), {good.cert, missing})).cause;
  EXPECT_CONTAINS(cause, "tls_key");
  EXPECT_CONTAINS(cause, missing);
}

TEST(Tls, FilesWithTheWrongContentAreNamed) {
  TlsRedis redis;
  const TempDir directory;
  const std::string nonsense = (directory.path() / "nonsense.pem").string();
  std::ofstream(nonsense) << "this is no PEM file\n";
  const Certificate good = redis.authority().issue("DNS:node");
  const Certificate other = redis.authority().issue("DNS:other");
  RedisOptions options = redis.options();
  options.tls_ca = nonsense;
  EXPECT_CONTAINS(start_in_vain(options).cause, nonsense);
  options.tls_ca = directory.path().string();
  EXPECT_CONTAINS(start_in_vain(options).cause, directory.path().string());
  EXPECT_CONTAINS(start_in_vain(with_certificate(redis.options(), {nonsense, good.key})).cause,
                  nonsense);
  EXPECT_CONTAINS(start_in_vain(with_certificate(redis.options(), {good.cert, nonsense})).cause,
                  nonsense);
  const std::string cause =
      start_in_vain(with_certificate(redis.options(), {good.cert, other.key})).cause;
  EXPECT_CONTAINS(cause, "tls_key");
  EXPECT_CONTAINS(cause, "mismatch");
}

// Endings -----------------------------------------------------------------------------------------

TEST(Tls, StopIsBoundedWhileRedisHangs) {
  TlsRedis redis;
  RunOptions beside;
  beside.threads = 2;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    MeshOptions options = patient_options(redis.options(), log);
    options.stop_timeout = 500ms;
    Node node(context.get_executor(), mesh_key, options);
    register_handlers(node);
    co_await node.start();
    redis.server().pause();
    // Of the body, which reads what the call notes; the context has another thread.
    const auto executor = co_await asio::this_coro::executor;
    const auto call = begin_echo(executor, node, 999, "x", 50s);
    const auto begin = std::chrono::steady_clock::now();
    co_await node.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
    EXPECT_TRUE(co_await eventually([&] { return call->is_done(); }));
    EXPECT_EQ(call->completions, 1);
    redis.server().resume();
  };
  run_coroutine(body, beside);
}

TEST(Tls, StopIsBoundedWhileAHandshakeHangs) {
  TlsRedis redis;
  RunOptions beside;
  beside.threads = 2;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    LogCapture log;
    RedisOptions options = redis.options();
    options.connect_timeout = 50s;
    options.health_check_interval = 100ms;
    MeshOptions mesh = patient_options(options, log);
    mesh.stop_timeout = 500ms;
    Node node(context.get_executor(), mesh_key, mesh);
    co_await node.start();
    redis.server().pause();
    const auto is_lost = [&] { return log.count("lost the connection") >= 2; };
    EXPECT_TRUE(co_await eventually(is_lost));
    const auto begin = std::chrono::steady_clock::now();
    co_await node.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
    redis.server().resume();
  };
  run_coroutine(body, beside);
}

TEST(Tls, ANodeMayBeDestroyedInAnyState) {
  TlsRedis redis;
  run_coroutine([&](asio::io_context& context) -> asio::awaitable<void> {
    for (int i = 0; i < 30; ++i) {
      LogCapture log;
      auto node = std::make_unique<Node>(context.get_executor(), mesh_key,
                                         patient_options(redis.options(), log));
      node->start([](const std::exception_ptr& /*error*/) {});
      co_await sleep_for(std::chrono::milliseconds(i));
      node.reset();
    }
  });
}

// Sentinel ----------------------------------------------------------------------------------------

TEST(Tls, SentinelsAndTheirMastersAreReachedWithTls) {
  CertificateAuthority authority;
  SentinelClusterOptions cluster_options;
  cluster_options.tls.emplace();
  cluster_options.tls->ca = authority.file();
  cluster_options.tls->certificate = authority.issue(loopback_names);
  cluster_options.tls->asks_clients = true;
  SentinelCluster cluster(cluster_options);
  RunOptions beside;
  beside.threads = 2;
  beside.deadline = 150s;
  const auto body = [&](asio::io_context& context) -> asio::awaitable<void> {
    const RedisOptions redis = with_certificate(cluster.options(), authority.issue("DNS:node"));
    Pair pair(context.get_executor(), redis);
    co_await pair.start();
    EXPECT_TRUE(co_await echoes(pair.a, pair.b.instance_id(), 20s));
    cluster.failover();
    const auto moved = [&] {
      return is_subscribed_at(cluster.first_replica(), pair.a.instance_id());
    };
    EXPECT_TRUE(co_await eventually(moved, 60s)) << pair.log.text();
    EXPECT_TRUE(co_await recovers(pair.a, pair.b.instance_id())) << pair.log.text();
    co_await pair.stop();
  };
  run_coroutine(body, beside);
}

}  // namespace
}  // namespace mesh::test::faults
