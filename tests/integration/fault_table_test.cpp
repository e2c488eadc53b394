// The faults of docs/faults.md, in its order.

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <future>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/fault_rig.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/least_privilege.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>
#include <support/wait.hpp>

namespace mesh::test::faults {
namespace {

using Route = Rig::Route;

/// Notices within a second what otherwise takes ten.
void be_quick(MeshOptions& options) {
  options.redis.health_check_interval = 400ms;
  options.redis.connect_timeout = 600ms;
}

bool both_logged(const Rig& rig, const std::string& text, std::size_t times) {
  return rig.a.log.count(text) >= times && rig.b.log.count(text) >= times;
}

/// Runs the command on a connection and a thread of its own: it takes long.
std::future<void> begin_command(const RedisServer& server, RedisProbe::Command command) {
  return std::async(std::launch::async,
                    [&server, command = std::move(command)] { server.command(command); });
}

// Redis goes and comes back -----------------------------------------------------------------------

TEST(FaultTable, RedisRestartedWithItsData) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    Fault fault;
    fault.inflict = [&] { rig.server.shut_down_with_data(); };
    fault.heal = [&] { rig.server.start(); };
    co_await expect_survived(rig, fault);
  });
}

TEST(FaultTable, RedisRestartedEmpty) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    Fault fault;
    fault.inflict = [&] { rig.server.restart(); };
    co_await expect_survived(rig, fault);
    EXPECT_EQ(rig.server.probe().get(key_of("next_id")), "2");
  });
}

TEST(FaultTable, RedisKilledForAWhile) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    Fault fault;
    fault.inflict = [&] { rig.server.kill(); };
    fault.lasting = 1s;  // several attempts fail
    fault.heal = [&] { rig.server.start(); };
    co_await expect_survived(rig, fault);
    EXPECT_TRUE(both_logged(rig, "refused", 2));
  });
}

TEST(FaultTable, RedisStandsStillForLongerThanEveryDeadline) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto tuning = [](MeshOptions& options) {
      be_quick(options);
      options.node_ttl = 2s;
    };
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct, tuning);
    Fault fault;
    fault.inflict = [&] { rig.server.pause(); };
    fault.lasting = 3s;
    fault.heal = [&] { rig.server.resume(); };
    co_await expect_survived(rig, fault);
    EXPECT_TRUE(both_logged(rig, "no answer to PING in time", 2));
  });
}

// The network -------------------------------------------------------------------------------------

TEST(FaultTable, ConnectionResetInTheMiddleOfAMessage) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::proxied);
    Fault fault;
    fault.inflict = [&] { rig.proxy.reset_within("senderInstanceId"); };  // of a request to a
    fault.losses_of_a = 1;
    fault.losses_of_b = 0;
    co_await expect_survived(rig, fault);
    EXPECT_TRUE(rig.proxy.has_reset());
    EXPECT_EQ(rig.a.log.count("redis (pub/sub): lost"), 1U) << rig.a.log.text();
  });
}

TEST(FaultTable, ConnectionResetInTheMiddleOfAReply) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const auto tuning = [](MeshOptions& options) { options.hostname = "the-host-of-a"; };
    Rig rig(executor, Route::proxied, tuning);
    int listings = 0;
    std::exception_ptr failure;
    auto listed = [&](std::exception_ptr error, const std::vector<MeshNode>& /*nodes*/) {
      ++listings;
      failure = std::move(error);
    };
    Fault fault;
    fault.inflict = [&] {
      rig.proxy.reset_within("the-host-of-a");
      rig.a.node.get_nodes(asio::bind_executor(executor, listed));
    };
    fault.losses_of_a = 1;
    fault.losses_of_b = 0;
    co_await expect_survived(rig, fault);
    EXPECT_TRUE(rig.proxy.has_reset());
    EXPECT_EQ(rig.a.log.count("redis (commands): lost"), 1U) << rig.a.log.text();
    EXPECT_EQ(listings, 1);
    CO_ASSERT_TRUE(failure);
    EXPECT_THROW(std::rethrow_exception(failure), MeshConnectionError);
  });
}

// The kernel drops what a sends, and a hears nothing more: neither side is told.
TEST(FaultTable, HalfOpenConnection) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::proxied, be_quick);
    bool drops_packets = false;
    Fault fault;
    fault.inflict = [&] { drops_packets = rig.proxy.vanish(); };
    fault.losses_of_b = 0;
    fault.lasting = 1s;  // attempts to connect fail too
    fault.heal = [&] { rig.proxy.reappear(); };
    co_await expect_survived(rig, fault);
    EXPECT_EQ(rig.a.log.count("no answer to PING in time"), 2U) << rig.a.log.text();
    if (!drops_packets) {
      GTEST_LOG_(WARNING) << "packets were not dropped, for want of CAP_NET_ADMIN, but ignored";
      co_return;
    }
    EXPECT_EQ(rig.a.log.count("no connection in time", LogLevel::warning), 2U) << rig.a.log.text();
  });
}

TEST(FaultTable, SlowNetwork) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const auto tuning = [](MeshOptions& options) { options.leader.ttl = 20s; };
    Rig rig(executor, Route::proxied, tuning);
    Fault fault;
    fault.inflict = [&] { rig.proxy.delay_by(150ms); };
    fault.is_noticed = [] { return true; };
    fault.lasting = 2s;
    fault.heal = [&] { rig.proxy.delay_by(0ms); };
    fault.losses_of_a = 0;
    fault.losses_of_b = 0;
    co_await expect_survived(rig, fault);
    EXPECT_FALSE(rig.a.log.contains("", LogLevel::warning)) << rig.a.log.text();
  });
}

// Redis is slow -----------------------------------------------------------------------------------

TEST(FaultTable, RedisSleepsForLessThanTheHealthCheckAllows) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    std::future<void> sleeping;
    Fault fault;
    fault.inflict = [&] { sleeping = begin_command(rig.server, {"DEBUG", "SLEEP", "1"}); };
    fault.is_noticed = [&] { return sleeping.wait_for(0s) == std::future_status::ready; };
    fault.losses_of_a = 0;
    fault.losses_of_b = 0;
    co_await expect_survived(rig, fault);
  });
}

TEST(FaultTable, RedisSleepsForLongerThanTheHealthCheckAllows) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct, be_quick);
    std::future<void> sleeping;
    Fault fault;
    fault.inflict = [&] { sleeping = begin_command(rig.server, {"DEBUG", "SLEEP", "3"}); };
    fault.heal = [&] { sleeping.get(); };
    co_await expect_survived(rig, fault);
  });
}

// Beyond `busy-reply-threshold` Redis refuses everything rather than let it wait.
TEST(FaultTable, RedisBusyWithAScript) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    CO_ASSERT_TRUE(co_await rig.start());
    RedisProbe probe = rig.server.probe();
    probe.command({"CONFIG", "SET", "busy-reply-threshold", "100"});
    const auto script = std::async(std::launch::async, [&server = rig.server] {
      EXPECT_THROW(server.command({"EVAL", "while true do end", "0"}), RedisProbeError);
    });
    const auto is_noticed = [&] { return both_logged(rig, "heartbeat failed: script: BUSY", 1); };
    EXPECT_TRUE(co_await eventually(is_noticed)) << rig.a.log.text();
    const std::string text = "not now";
    const auto call = begin_echo(executor, rig.a.node, rig.b.id(), text, 40s);
    co_await sleep_for(200ms);
    EXPECT_FALSE(call->is_done()) << call->what();
    probe.command({"SCRIPT", "KILL"});
    script.wait();
    const auto is_done = [&] { return call->is_done(); };
    EXPECT_TRUE(co_await eventually(is_done));
    EXPECT_TRUE(call->succeeded) << call->what();
    EXPECT_TRUE(co_await recovers_both_ways(rig));
    EXPECT_EQ(rig.b.handled->times(text), 1);
    expect_logged_and_counted(rig.a, 0);
    expect_logged_and_counted(rig.b, 0);
    co_await expect_registered_and_led(rig);
    co_await expect_quick_stop(rig);
  });
}

// Redis hangs up ----------------------------------------------------------------------------------

TEST(FaultTable, PubSubClientsKilled) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    Fault fault;
    fault.inflict = [&] { EXPECT_EQ(rig.server.command({"CLIENT", "KILL", "TYPE", "pubsub"}), 2); };
    fault.losses_of_a = 1;
    fault.losses_of_b = 1;
    co_await expect_survived(rig, fault);
    EXPECT_TRUE(both_logged(rig, "redis (pub/sub): lost", 1));
  });
}

TEST(FaultTable, CommandClientsKilled) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    Fault fault;
    fault.inflict = [&] { EXPECT_EQ(rig.server.command({"CLIENT", "KILL", "TYPE", "normal"}), 2); };
    fault.losses_of_a = 1;
    fault.losses_of_b = 1;
    co_await expect_survived(rig, fault);
    EXPECT_TRUE(both_logged(rig, "redis (commands): lost", 1));
  });
}

TEST(FaultTable, OutputBufferLimitOfASlowSubscriber) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServerOptions strict;
    strict.config = {"client-output-buffer-limit pubsub 256kb 0 0"};
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::proxied, {}, strict);
    RedisProbe probe = rig.server.probe();
    const auto is_subscribed = [&] { return probe.subscribers(channel_of(rig.a.id())) > 0; };
    Fault fault;
    fault.inflict = [&] {
      rig.proxy.freeze();
      const std::string noise(std::size_t{1} << 20U, 'x');
      for (int i = 0; i < 30 && is_subscribed(); ++i) probe.publish(channel_of(rig.a.id()), noise);
    };
    fault.is_noticed = [&] { return !is_subscribed(); };
    fault.heal = [&] { rig.proxy.thaw(); };
    fault.losses_of_a = 1;
    fault.losses_of_b = 0;
    co_await expect_survived(rig, fault);
    EXPECT_EQ(rig.a.log.count("redis (pub/sub): lost"), 1U) << rig.a.log.text();
  });
}

TEST(FaultTable, TooManyClients) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    RedisProbe probe = rig.server.probe();
    Fault fault;
    fault.inflict = [&] {
      probe.command({"CONFIG", "SET", "maxclients", "1"});
      EXPECT_EQ(probe.command({"CLIENT", "KILL", "USER", RedisServer::user()}), 4);
    };
    fault.lasting = 1s;
    fault.heal = [&] { probe.command({"CONFIG", "SET", "maxclients", "1000"}); };
    co_await expect_survived(rig, fault);
    EXPECT_TRUE(both_logged(rig, "max number of clients reached", 1))
        << rig.a.log.text() << rig.b.log.text();
  });
}

// Redis refuses -----------------------------------------------------------------------------------

TEST(FaultTable, ScriptsForgotten) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    RedisProbe probe = rig.server.probe();
    std::optional<double> last_heartbeat;
    Fault fault;
    fault.inflict = [&] {
      probe.command({"SCRIPT", "FLUSH"});
      last_heartbeat = probe.zscore(key_of("heartbeats"), "1");
    };
    fault.is_noticed = [&] { return probe.zscore(key_of("heartbeats"), "1") > last_heartbeat; };
    fault.losses_of_a = 0;
    fault.losses_of_b = 0;
    co_await expect_survived(rig, fault);
    EXPECT_FALSE(rig.a.log.contains("", LogLevel::warning)) << rig.a.log.text();
  });
}

/// Loading takes some two seconds from now on, as if the data were large.
const RedisProbe::Command many_keys = {"DEBUG", "POPULATE", "1000"};
RedisServerOptions slow_to_load() {
  RedisServerOptions options;
  options.config = {"key-load-delay 2000", "loading-process-events-interval-bytes 1024"};
  return options;
}

TEST(FaultTable, LoadingWhileRunning) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct, {}, slow_to_load());
    rig.server.command(many_keys);
    std::future<void> loading;
    Fault fault;
    fault.inflict = [&] { loading = begin_command(rig.server, {"DEBUG", "RELOAD"}); };
    fault.is_noticed = [&] { return both_logged(rig, "LOADING", 1); };
    fault.heal = [&] { loading.get(); };
    fault.losses_of_a = 1;
    fault.losses_of_b = 1;
    co_await expect_survived(rig, fault);
    EXPECT_EQ(rig.a.log.count("redis (commands): lost"), 1U) << rig.a.log.text();
  });
}

TEST(FaultTable, LoadingAfterARestart) {
  // The nodes run on a second thread while the body waits for Redis.
  RunOptions run_options;
  run_options.threads = 2;
  const auto body = [](asio::io_context& context) -> asio::awaitable<void> {
    const auto executor = context.get_executor();
    Rig rig(executor, Route::direct, {}, slow_to_load());
    rig.server.command(many_keys);
    Fault fault;
    fault.inflict = [&] { rig.server.shut_down_with_data(); };
    fault.heal = [&] { rig.server.start(); };
    co_await expect_survived(rig, fault);
    EXPECT_TRUE(both_logged(rig, "LOADING", 1)) << rig.a.log.text() << rig.b.log.text();
  };
  run_coroutine(body, run_options);
}

TEST(FaultTable, LoadingAtTheStart) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const RedisServer server(slow_to_load());
    RedisProbe probe = server.probe();
    probe.command(many_keys);
    std::future<void> loading = begin_command(server, {"DEBUG", "RELOAD"});
    const auto is_loading = [&] {
      return probe.text({"INFO", "persistence"}).find("loading:1") != std::string::npos;
    };
    CO_ASSERT_TRUE(co_await eventually(is_loading));
    RedisOptions impatient = server.options();
    impatient.connect_timeout = 1s;
    Member early(executor, impatient);
    const auto error = co_await expect_error<MeshConnectionError>(early.node.start());
    CO_ASSERT_TRUE(error);
    EXPECT_NE(error->cause().find("LOADING"), std::string::npos) << error->cause();
    RedisOptions patient = server.options();
    patient.connect_timeout = 30s;
    Member late(executor, patient);
    co_await late.node.start();
    EXPECT_GT(late.id(), 0);
    co_await late.node.stop();
    loading.get();
  });
}

TEST(FaultTable, MasterMadeAReplicaWithoutSentinel) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    CO_ASSERT_TRUE(co_await rig.start());
    Traffic traffic(executor, rig.a, rig.b);
    CO_ASSERT_TRUE(co_await traffic.begin());
    RedisProbe probe = rig.server.probe();
    probe.command({"REPLICAOF", "127.0.0.1", std::to_string(find_free_port())});
    const auto is_noticed = [&] { return both_logged(rig, "READONLY", 1); };
    EXPECT_TRUE(co_await eventually(is_noticed));
    co_await sleep_for(1s);  // it remains one
    probe.command({"REPLICAOF", "NO", "ONE"});
    EXPECT_TRUE(co_await recovers_both_ways(rig)) << rig.a.log.text() << rig.b.log.text();
    co_await traffic.end();
    expect_no_repetition(rig.a);
    expect_no_repetition(rig.b);
    EXPECT_GE(rig.a.node.stats().reconnects, 1U) << rig.a.log.text();
    EXPECT_GE(rig.b.node.stats().reconnects, 1U) << rig.b.log.text();
    co_await expect_registered_and_led(rig);
    co_await expect_quick_stop(rig);
  });
}

TEST(FaultTable, PasswordChangedWhileRunning) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    RedisProbe probe = rig.server.probe();
    const auto set_password = [&](const std::string& password) {
      probe.command({"ACL", "SETUSER", RedisServer::user(), "resetpass", ">" + password});
    };
    Fault fault;
    fault.inflict = [&] {
      set_password("another");
      EXPECT_EQ(probe.command({"CLIENT", "KILL", "USER", RedisServer::user()}), 4);
    };
    fault.is_noticed = [&] { return both_logged(rig, "WRONGPASS", 2); };
    fault.lasting = 500ms;
    fault.heal = [&] { set_password(RedisServer::user_password()); };
    co_await expect_survived(rig, fault);
    EXPECT_EQ(rig.a.log.count("WRONGPASS", LogLevel::warning), 2U) << rig.a.log.text();
    EXPECT_FALSE(rig.a.log.contains(RedisServer::user_password()));
  });
}

TEST(FaultTable, UserRemovedWhileRunning) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    RedisProbe probe = rig.server.probe();
    Fault fault;
    fault.inflict = [&] { probe.command({"ACL", "DELUSER", RedisServer::user()}); };
    fault.is_noticed = [&] { return both_logged(rig, "WRONGPASS", 2); };
    fault.heal = [&] {
      RedisProbe::Command command{"ACL", "SETUSER", RedisServer::user(), "on",
                                  ">" + RedisServer::user_password()};
      std::istringstream words(test_permissions().rules());
      command.insert(command.end(), std::istream_iterator<std::string>(words), {});
      probe.command(command);
    };
    co_await expect_survived(rig, fault);
  });
}

TEST(FaultTable, PasswordRequiredWhileRunning) {
  run_coroutine([]() -> asio::awaitable<void> {
    RedisServerOptions guarded;
    guarded.password = "the-old-one";
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct, {}, guarded);
    RedisProbe probe = rig.server.probe();
    Fault fault;
    fault.inflict = [&] {
      probe.command({"CONFIG", "SET", "requirepass", "the-new-one"});
      EXPECT_EQ(probe.command({"CLIENT", "KILL", "SKIPME", "yes"}), 4);
    };
    fault.is_noticed = [&] { return both_logged(rig, "WRONGPASS", 2); };
    fault.heal = [&] { probe.command({"CONFIG", "SET", "requirepass", "the-old-one"}); };
    co_await expect_survived(rig, fault);
  });
}

TEST(FaultTable, PermissionTakenAwayWhileRunning) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    CO_ASSERT_TRUE(co_await rig.start());
    RedisProbe probe = rig.server.probe();
    probe.command({"ACL", "SETUSER", RedisServer::user(), "-publish"});
    const std::string text = "not allowed";
    const auto error =
        co_await expect_error<MeshRedisError>(rig.a.node.invoke<"echo">(rig.b.id(), text));
    CO_ASSERT_TRUE(error);
    EXPECT_NE(std::string(error->what()).find("'publish'"), std::string::npos) << error->what();
    probe.command({"ACL", "SETUSER", RedisServer::user(), "+publish"});
    EXPECT_TRUE(co_await recovers_both_ways(rig));
    EXPECT_EQ(rig.b.handled->times(text), 0);
    expect_logged_and_counted(rig.a, 0);
    co_await expect_registered_and_led(rig);
    co_await expect_quick_stop(rig);
  });
}

// Writes are refused, but messages pass.
TEST(FaultTable, RedisOutOfMemory) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct);
    RedisProbe probe = rig.server.probe();
    Fault fault;
    fault.inflict = [&] { probe.command({"CONFIG", "SET", "maxmemory", "1"}); };
    fault.is_noticed = [&] { return both_logged(rig, "heartbeat failed: script: OOM", 1); };
    fault.lasting = 500ms;
    fault.heal = [&] { probe.command({"CONFIG", "SET", "maxmemory", "0"}); };
    fault.losses_of_a = 0;
    fault.losses_of_b = 0;
    co_await expect_survived(rig, fault);
    EXPECT_EQ(rig.a.log.count("", LogLevel::warning), 1U) << rig.a.log.text();
  });
}

RedisServerOptions unable_to_save() {
  RedisServerOptions options;
  options.config = {"dir /proc", "save 86400 100000000"};
  return options;
}

void fail_to_save(RedisProbe& probe) {
  probe.command({"BGSAVE"});
  const auto has_failed = [&] {
    return probe.text({"INFO", "persistence"}).find("bgsave_status:err") != std::string::npos;
  };
  EXPECT_TRUE(wait_until(has_failed, 60s));
}

// It refuses even the PING of those that connect.
TEST(FaultTable, RedisCannotSaveItsData) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct, {}, unable_to_save());
    RedisProbe probe = rig.server.probe();
    Fault fault;
    fault.inflict = [&] {
      fail_to_save(probe);
      probe.command({"CLIENT", "KILL", "TYPE", "normal"});
      probe.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    };
    fault.is_noticed = [&] {
      return rig.a.node.stats().reconnects >= 2 && rig.b.node.stats().reconnects >= 2 &&
             both_logged(rig, "heartbeat failed: script: MISCONF", 1);
    };
    fault.heal = [&] { probe.command({"CONFIG", "SET", "stop-writes-on-bgsave-error", "no"}); };
    co_await expect_survived(rig, fault);
  });
}

TEST(FaultTable, RedisThatRefusesThePingsOfHealthChecksHasAnswered) {
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Rig rig(executor, Route::direct, be_quick, unable_to_save());
    CO_ASSERT_TRUE(co_await rig.start());
    RedisProbe probe = rig.server.probe();
    fail_to_save(probe);
    const auto refused_pings = [&] { return probe.command_stats().refusals("ping"); };
    const auto several = [&] { return refused_pings() >= 6; };
    EXPECT_TRUE(co_await eventually(several));
    EXPECT_EQ(rig.a.losses() + rig.b.losses(), 0U) << rig.a.log.text();
    probe.command({"CONFIG", "SET", "stop-writes-on-bgsave-error", "no"});
    co_await expect_quick_stop(rig);
  });
}

}  // namespace
}  // namespace mesh::test::faults
