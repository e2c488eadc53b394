#include <mesh/options.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace mesh {
namespace {

using namespace std::chrono_literals;

/// What `validate()` says after `change`; empty if nothing.
template <typename Options>
std::string complaint(const std::function<void(Options&)>& change) {
  Options options;
  change(options);
  try {
    options.validate();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

/// Expects that after `change` the option is refused by name.
template <typename Options>
void expect_refused(const std::string& option, const std::function<void(Options&)>& change) {
  const std::string text = complaint<Options>(change);
  EXPECT_NE(text.find(option), std::string::npos) << option << ": \"" << text << '"';
}

template <typename Options>
void expect_accepted(const std::function<void(Options&)>& change) {
  EXPECT_EQ(complaint<Options>(change), "");
}

TEST(MeshOptions, DefaultsAreThoseOfTheDocumentation) {
  const MeshOptions options;
  EXPECT_EQ(options.heartbeat_interval, 5s);
  EXPECT_EQ(options.node_ttl, 15s);
  EXPECT_EQ(options.request_timeout, 10s);
  EXPECT_EQ(options.stop_timeout, 5s);
  EXPECT_EQ(options.drain_timeout, 1s);
  EXPECT_FALSE(options.protocol_executor);
  EXPECT_EQ(options.leader.ttl, 30s);
  EXPECT_EQ(options.leader.renewal_interval, 10s);
  EXPECT_EQ(options.leader.retry_delay, 5s);
  EXPECT_TRUE(options.log);
  EXPECT_EQ(options.hostname, "");
  EXPECT_NO_THROW(options.validate());
}

TEST(MeshOptions, EveryDurationMustBePositiveAndBounded) {
  const std::pair<const char*, std::chrono::milliseconds MeshOptions::*> durations[] = {
      {"heartbeat_interval", &MeshOptions::heartbeat_interval},
      {"node_ttl", &MeshOptions::node_ttl},
      {"request_timeout", &MeshOptions::request_timeout},
      {"stop_timeout", &MeshOptions::stop_timeout}};
  for (const auto& [name, field] : durations) {
    const auto member = field;  // clang 14 cannot capture the binding
    for (const auto value :
         {0ms, -1ms, std::chrono::milliseconds::min(), std::chrono::milliseconds::max()}) {
      expect_refused<MeshOptions>(name, [&](MeshOptions& options) { options.*member = value; });
    }
  }
}

TEST(MeshOptions, TheDrainMayTakeNoTime) {
  expect_accepted<MeshOptions>([](MeshOptions& options) { options.drain_timeout = 0ms; });
  for (const auto value : {-1ms, std::chrono::milliseconds::max()}) {
    expect_refused<MeshOptions>("drain_timeout",
                                [&](MeshOptions& options) { options.drain_timeout = value; });
  }
}

TEST(MeshOptions, NodeTtlMustExceedTheHeartbeatInterval) {
  const auto with = [](std::chrono::milliseconds interval, std::chrono::milliseconds ttl) {
    return [=](MeshOptions& options) {
      options.heartbeat_interval = interval;
      options.node_ttl = ttl;
    };
  };
  expect_refused<MeshOptions>("node_ttl", with(5s, 5s));
  expect_refused<MeshOptions>("node_ttl", with(5s, 4s));
  expect_accepted<MeshOptions>(with(1ms, 2ms));
}

TEST(MeshOptions, EveryLimitMustBeAtLeastOne) {
  const std::pair<const char*, std::size_t MeshLimits::*> limits[] = {
      {"message_size", &MeshLimits::message_size},
      {"nesting_depth", &MeshLimits::nesting_depth},
      {"pending_calls", &MeshLimits::pending_calls},
      {"concurrent_handlers", &MeshLimits::concurrent_handlers},
      {"queued_bytes", &MeshLimits::queued_bytes}};
  for (const auto& [name, field] : limits) {
    const auto member = field;  // clang 14 cannot capture the binding
    expect_refused<MeshOptions>(name, [&](MeshOptions& options) { options.limits.*member = 0; });
    expect_accepted<MeshOptions>([&](MeshOptions& options) { options.limits.*member = 1; });
  }
}

TEST(MeshOptions, ChecksWhatItContains) {
  expect_refused<MeshOptions>("LeaderOptions::ttl",
                              [](MeshOptions& options) { options.leader.ttl = 0ms; });
  expect_refused<MeshOptions>("RedisOptions::host",
                              [](MeshOptions& options) { options.redis.host.clear(); });
}

TEST(MeshOptions, TheLogSinkMustNotBeEmpty) {
  expect_refused<MeshOptions>("log", [](MeshOptions& options) { options.log = nullptr; });
}

TEST(LeaderOptions, EveryDurationMustBePositiveAndBounded) {
  const std::pair<const char*, std::chrono::milliseconds LeaderOptions::*> durations[] = {
      {"ttl", &LeaderOptions::ttl},
      {"renewal_interval", &LeaderOptions::renewal_interval},
      {"retry_delay", &LeaderOptions::retry_delay}};
  for (const auto& [name, field] : durations) {
    const auto member = field;  // clang 14 cannot capture the binding
    for (const auto value : {0ms, -1ms, std::chrono::milliseconds::max()}) {
      expect_refused<LeaderOptions>(name, [&](LeaderOptions& options) { options.*member = value; });
    }
  }
}

TEST(LeaderOptions, TtlMustExceedTheRenewalInterval) {
  const auto with = [](std::chrono::milliseconds interval, std::chrono::milliseconds ttl) {
    return [=](LeaderOptions& options) {
      options.renewal_interval = interval;
      options.ttl = ttl;
    };
  };
  expect_refused<LeaderOptions>("ttl", with(5s, 5s));
  expect_refused<LeaderOptions>("ttl", with(5s, 4s));
  expect_accepted<LeaderOptions>(with(10ms, 11ms));
}

TEST(RedisOptions, EveryDurationMustBePositiveAndBounded) {
  const std::pair<const char*, std::chrono::milliseconds RedisOptions::*> durations[] = {
      {"connect_timeout", &RedisOptions::connect_timeout},
      {"reconnect_min_delay", &RedisOptions::reconnect_min_delay},
      {"reconnect_max_delay", &RedisOptions::reconnect_max_delay},
      {"health_check_interval", &RedisOptions::health_check_interval}};
  for (const auto& [name, field] : durations) {
    const auto member = field;  // clang 14 cannot capture the binding
    for (const auto value : {0ms, -1ms, std::chrono::milliseconds::max()}) {
      expect_refused<RedisOptions>(name, [&](RedisOptions& options) { options.*member = value; });
    }
  }
}

TEST(RedisOptions, ReconnectMaximumMustNotBeBelowTheMinimum) {
  expect_refused<RedisOptions>("reconnect_max_delay", [](RedisOptions& options) {
    options.reconnect_min_delay = 100ms;
    options.reconnect_max_delay = 99ms;
  });
  expect_accepted<RedisOptions>([](RedisOptions& options) {
    options.reconnect_min_delay = 100ms;
    options.reconnect_max_delay = 100ms;
  });
}

TEST(RedisOptions, AnAddressIsNeeded) {
  expect_refused<RedisOptions>("host", [](RedisOptions& options) { options.host.clear(); });
  expect_refused<RedisOptions>("port", [](RedisOptions& options) { options.port = 0; });
  expect_accepted<RedisOptions>([](RedisOptions& options) {
    options.host.clear();
    options.port = 0;
    options.unix_socket = "/run/redis.sock";
  });
  expect_accepted<RedisOptions>([](RedisOptions& options) {
    options.host.clear();
    options.port = 0;
    options.sentinel_host = "sentinel";
  });
}

TEST(RedisOptions, SentinelNeedsPortAndName) {
  expect_refused<RedisOptions>("sentinel_port", [](RedisOptions& options) {
    options.sentinel_host = "sentinel";
    options.sentinel_port = 0;
  });
  expect_refused<RedisOptions>("sentinel_name", [](RedisOptions& options) {
    options.sentinel_host = "sentinel";
    options.sentinel_name.clear();
  });
}

TEST(RedisOptions, AUserNeedsAPassword) {
  expect_refused<RedisOptions>("password", [](RedisOptions& options) { options.username = "u"; });
  expect_accepted<RedisOptions>([](RedisOptions& options) {
    options.username = "u";
    options.password = "p";
  });
  expect_accepted<RedisOptions>([](RedisOptions& options) { options.password = "p"; });
  expect_accepted<RedisOptions>([](RedisOptions& options) {
    options.username = "u";
    options.credentials = [](RedisPeer) { return RedisCredentials{}; };
  });
}

TEST(RedisOptions, DatabaseMustNotBeNegative) {
  expect_refused<RedisOptions>("database", [](RedisOptions& options) { options.database = -1; });
}

#if MESHSERVICE_TLS

TEST(RedisOptions, TlsIsNotForUnixSockets) {
  expect_refused<RedisOptions>("tls", [](RedisOptions& options) {
    options.tls = true;
    options.unix_socket = "/run/redis.sock";
  });
}

TEST(RedisOptions, ACertificateNeedsItsKey) {
  expect_refused<RedisOptions>("tls_key", [](RedisOptions& options) {
    options.tls = true;
    options.tls_cert = "cert.pem";
  });
  expect_refused<RedisOptions>("tls_cert", [](RedisOptions& options) {
    options.tls = true;
    options.tls_key = "key.pem";
  });
}

#else

TEST(RedisOptions, TlsIsRefusedByABuildWithoutIt) {
  expect_refused<RedisOptions>("tls", [](RedisOptions& options) { options.tls = true; });
  expect_refused<RedisOptions>("MESHSERVICE_TLS",
                               [](RedisOptions& options) { options.tls = true; });
}

#endif

TEST(RedisOptions, ASentinelListMustBeOne) {
  expect_refused<RedisOptions>("sentinel_host",
                               [](RedisOptions& options) { options.sentinel_host = "one,two:x"; });
}

TEST(RedisOptions, AClusterHasNoSentinelAndOneDatabase) {
  expect_accepted<RedisOptions>([](RedisOptions& options) {
    options.cluster = "one,two:7001";
    options.host.clear();
    options.port = 0;
  });
  expect_refused<RedisOptions>("cluster",
                               [](RedisOptions& options) { options.cluster = "one,two:x"; });
  expect_refused<RedisOptions>("sentinel_host", [](RedisOptions& options) {
    options.cluster = "one";
    options.sentinel_host = "sentinel";
  });
  expect_refused<RedisOptions>("database", [](RedisOptions& options) {
    options.cluster = "one";
    options.database = 1;
  });
}

TEST(MeshOptions, BothMeshAndElectionMayBeOnACluster) {
  expect_accepted<MeshOptions>([](MeshOptions& options) { options.redis.cluster = "one"; });
  expect_accepted<MeshOptions>([](MeshOptions& options) {
    options.leader_redis.emplace();
    options.leader_redis->cluster = "one";
  });
}

TEST(RedisOptions, AUserAtSentinelNeedsAPassword) {
  expect_refused<RedisOptions>("sentinel_password",
                               [](RedisOptions& options) { options.sentinel_username = "user"; });
}

TEST(RedisOptions, ThePasswordIsNeverInTheComplaint) {
  const std::string text = complaint<RedisOptions>([](RedisOptions& options) {
    options.username = "someone";
    options.password = "s3cret";
    options.database = -1;
  });
  EXPECT_NE(text, "");
  EXPECT_EQ(text.find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace mesh
