// stop() and destruction are bounded in every state that a fault can bring a node into.

#include <gtest/gtest.h>

#include <signal.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/fault_rig.hpp>
#include <integration/hanging_name.hpp>
#include <integration/redis_proxy.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>
#include <support/sentinel_cluster.hpp>

namespace mesh::test::faults {
namespace {

constexpr auto stop_timeout = 1s;
// What a slow machine may add.
constexpr auto grace = 10s;
// All that may not decide how long a stop takes.
constexpr auto forever = 100s;

/// A node `a` that is to be stopped, and a node `b` that it calls.
struct Scene {
  explicit Scene(const asio::any_io_executor& used) : executor(used) {}

  asio::any_io_executor executor;
  RedisServer server;
  RedisProbe probe = server.probe();  // from before the fault
  RedisProxy proxy{server};
  std::unique_ptr<SentinelCluster> cluster;  // of the states that have one
  HangingName name;
  std::future<void> command;
  // Shared, since the handler outlives the scene.
  std::shared_ptr<bool> handler_may_end = std::make_shared<bool>(false);
  std::shared_ptr<Call> call_of_handler;
  std::unique_ptr<Member> a;
  std::unique_ptr<Member> b;

  bool has_lost(std::size_t connections) const { return a->losses() >= connections; }
};

/// How `a` is brought into a state, and Redis out of it again.
struct State {
  std::string name{};
  std::function<void(Scene&, MeshOptions&)> prepare{};
  std::function<asio::awaitable<void>(Scene&)> enter{};
  std::function<void(Scene&)> leave{};
};

asio::awaitable<void> until_lost(Scene& scene, std::size_t connections) {
  const auto has_lost = [&] { return scene.has_lost(connections); };
  EXPECT_TRUE(co_await eventually(has_lost)) << scene.a->log.text();
}

asio::awaitable<void> until_logged(Scene& scene, std::string text) {
  const auto is_logged = [&] { return scene.a->log.contains(text); };
  EXPECT_TRUE(co_await eventually(is_logged)) << scene.a->log.text();
}

void use_no_proxy(Scene& scene, MeshOptions& options) { options.redis = scene.server.options(); }

void notice_soon(Scene& /*scene*/, MeshOptions& options) {
  options.redis.health_check_interval = 200ms;
}

/// The connections of nodes, not that of the probe.
void kill_clients(const RedisServer& server, const std::string& type) {
  server.command({"CLIENT", "KILL", "TYPE", type, "USER", RedisServer::user()});
}

// The states --------------------------------------------------------------------------------------

State redis_killed_just_now() {
  State state{.name = "RedisKilledJustNow", .prepare = use_no_proxy};
  state.enter = [](Scene& scene) -> asio::awaitable<void> {
    scene.server.kill();
    co_return;
  };
  state.leave = [](Scene& scene) { scene.server.start(); };
  return state;
}

State redis_gone() {
  State state = redis_killed_just_now();
  state.name = "RedisGone";
  state.enter = [](Scene& scene) -> asio::awaitable<void> {
    scene.server.kill();
    co_await until_lost(scene, 2);
    co_await until_logged(scene, "refused");
  };
  return state;
}

State redis_hangs() {
  State state{.name = "RedisHangs", .prepare = use_no_proxy};
  state.enter = [](Scene& scene) -> asio::awaitable<void> {
    scene.server.pause();
    co_return;
  };
  state.leave = [](Scene& scene) { scene.server.resume(); };
  return state;
}

// Now the node is connecting, and that hangs.
State redis_hangs_and_is_given_up() {
  State state = redis_hangs();
  state.name = "RedisHangsAndIsGivenUp";
  state.prepare = [](Scene& scene, MeshOptions& options) {
    use_no_proxy(scene, options);
    notice_soon(scene, options);
  };
  state.enter = [](Scene& scene) -> asio::awaitable<void> {
    scene.server.pause();
    co_await until_lost(scene, 2);
  };
  return state;
}

State half_open() {
  State state{.name = "HalfOpen"};
  state.enter = [](Scene& scene) -> asio::awaitable<void> {
    scene.proxy.vanish();
    co_return;
  };
  state.leave = [](Scene& scene) { scene.proxy.reappear(); };
  return state;
}

State half_open_and_given_up() {
  State state = half_open();
  state.name = "HalfOpenAndGivenUp";
  state.prepare = notice_soon;
  state.enter = [](Scene& scene) -> asio::awaitable<void> {
    scene.proxy.vanish();
    co_await until_lost(scene, 2);
  };
  return state;
}

State loading() {
  State state{.name = "Loading"};
  state.enter = [](Scene& scene) -> asio::awaitable<void> {
    RedisProbe& probe = scene.probe;
    probe.command({"CONFIG", "SET", "loading-process-events-interval-bytes", "1024"});
    probe.command({"CONFIG", "SET", "key-load-delay", "2000"});
    probe.command({"DEBUG", "POPULATE", "2000"});
    scene.command = std::async(std::launch::async, [&server = scene.server] {
      server.command({"DEBUG", "RELOAD"});
    });
    const auto is_loading = [&] {
      return probe.text({"INFO", "persistence"}).find("loading:1") != std::string::npos;
    };
    EXPECT_TRUE(co_await eventually(is_loading));
  };
  state.leave = [](Scene& scene) { scene.command.get(); };
  return state;
}

State too_many_clients() {
  State state{.name = "TooManyClients"};
  state.enter = [](Scene& scene) -> asio::awaitable<void> {
    scene.probe.command({"CONFIG", "SET", "maxclients", "1"});
    scene.probe.command({"CLIENT", "KILL", "USER", RedisServer::user()});
    co_await until_lost(scene, 2);
  };
  state.leave = [](Scene& scene) { scene.probe.command({"CONFIG", "SET", "maxclients", "999"}); };
  return state;
}

State auth_refused() {
  State state{.name = "AuthRefused"};
  const auto set_password = [](const Scene& scene, const std::string& password) {
    scene.server.command({"ACL", "SETUSER", RedisServer::user(), "resetpass", ">" + password});
  };
  state.enter = [set_password](Scene& scene) -> asio::awaitable<void> {
    set_password(scene, "another");
    scene.server.command({"CLIENT", "KILL", "USER", RedisServer::user()});
    co_await until_logged(scene, "WRONGPASS");
  };
  state.leave = [set_password](Scene& scene) { set_password(scene, RedisServer::user_password()); };
  return state;
}

State sentinel_gone() {
  State state{.name = "SentinelGone"};
  state.prepare = [](Scene& scene, MeshOptions& options) {
    scene.cluster = std::make_unique<SentinelCluster>();
    options.redis = scene.cluster->options();
  };
  state.enter = [](Scene& scene) -> asio::awaitable<void> {
    const std::string info = scene.cluster->sentinel_probe().text({"INFO", "server"});
    const std::string label = "process_id:";
    ::kill(std::stoi(info.substr(info.find(label) + label.size())), SIGKILL);
    scene.cluster->first_master().command({"CLIENT", "KILL", "USER", RedisServer::user()});
    co_await until_lost(scene, 2);
    co_await until_logged(scene, "refused");
  };
  return state;
}

State name_lookup_hangs() {
  State state{.name = "NameLookupHangs"};
  state.prepare = [](Scene& scene, MeshOptions& options) {
    options.redis = scene.server.options();
    options.redis.host = HangingName::name();
  };
  state.enter = [](Scene& scene) -> asio::awaitable<void> {
    scene.name.hang();
    scene.server.command({"CLIENT", "KILL", "USER", RedisServer::user()});
    co_await until_lost(scene, 2);
    co_await sleep_for(300ms);  // longer than the back-off: the lookup is under way
  };
  state.leave = [](Scene& scene) { scene.name.release(); };
  return state;
}

State one_connection_away(const std::string& name, const std::string& type) {
  State state{.name = name};
  state.enter = [type](Scene& scene) -> asio::awaitable<void> {
    scene.proxy.refuse_connections();
    kill_clients(scene.server, type);
    co_await until_lost(scene, 1);
  };
  state.leave = [](Scene& scene) { scene.proxy.restore(); };
  return state;
}

State handler_ignores_cancellation() {
  State state{.name = "HandlerIgnoresCancellation"};
  state.enter = [](Scene& scene) -> asio::awaitable<void> {
    auto has_begun = std::make_shared<bool>(false);
    scene.a->node.register_handler<"wait">(
        [may_end = scene.handler_may_end, has_begun](int) -> asio::awaitable<int> {
          co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
          *has_begun = true;
          while (!*may_end) co_await sleep_for(3ms);
          co_return 0;
        });
    scene.call_of_handler = begin_wait(scene.executor, scene.b->node, scene.a->id(), 0ms, forever);
    const auto begun = [has_begun] { return *has_begun; };
    EXPECT_TRUE(co_await eventually(begun));
  };
  state.leave = [](Scene& scene) { *scene.handler_may_end = true; };
  return state;
}

// What it sends piles up in the kernel and in the node.
State stalled_reader() {
  State state{.name = "StalledReader"};
  state.enter = [](Scene& scene) -> asio::awaitable<void> {
    scene.proxy.freeze();
    const std::string large(std::size_t{1} << 20U, 'x');
    for (int i = 0; i < 20; ++i) {
      begin_echo(scene.executor, scene.a->node, scene.b->id(), large, forever);
      co_await sleep_for(1ms);
    }
  };
  state.leave = [](Scene& scene) { scene.proxy.thaw(); };
  return state;
}

/// For what gtest says of a failure.
void PrintTo(const State& state, std::ostream* out) { *out << state.name; }

std::vector<State> all_states() {
  return {redis_killed_just_now(),
          redis_gone(),
          redis_hangs(),
          redis_hangs_and_is_given_up(),
          half_open(),
          half_open_and_given_up(),
          loading(),
          too_many_clients(),
          auth_refused(),
          sentinel_gone(),
          name_lookup_hangs(),
          one_connection_away("PubSubAway", "pubsub"),
          one_connection_away("CommandsAway", "normal"),
          handler_ignores_cancellation(),
          stalled_reader()};
}

// The test ----------------------------------------------------------------------------------------

void make_nodes(Scene& scene, const State& state) {
  LogCapture unused;
  MeshOptions options = patient_options(scene.proxy.options(), unused);
  options.stop_timeout = stop_timeout;
  options.request_timeout = forever;
  options.leader.ttl = forever;
  options.leader.renewal_interval = forever / 2;
  options.redis.connect_timeout = forever;
  options.redis.health_check_interval = forever;
  if (state.prepare) state.prepare(scene, options);
  scene.a = std::make_unique<Member>(scene.executor, options);
  RedisServer& server = scene.cluster ? scene.cluster->first_master() : scene.server;
  // Another user, whom the faults leave in peace.
  scene.b = std::make_unique<Member>(scene.executor, server.admin_options());
}

enum class Ending { stop, destroy };

std::chrono::steady_clock::duration since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::steady_clock::now() - begin;
}

asio::awaitable<void> end_in(const State& state, Ending ending) {
  Scene scene(co_await asio::this_coro::executor);
  make_nodes(scene, state);
  co_await scene.b->node.start();
  co_await scene.a->node.start();
  const InstanceId target = scene.b->id();
  const auto call_before = begin_wait(scene.executor, scene.a->node, target, forever, forever);
  co_await state.enter(scene);
  const auto call_within = begin_wait(scene.executor, scene.a->node, target, forever, forever);

  const auto begin = std::chrono::steady_clock::now();
  if (ending == Ending::stop) {
    co_await scene.a->node.stop();
    EXPECT_EQ(scene.a->id(), 0);
    EXPECT_FALSE(scene.a->node.leader().is_leader());
  } else {
    scene.a.reset();
  }
  EXPECT_LT(since(begin), stop_timeout + grace);

  co_await expect_stopped(call_before);
  co_await expect_stopped(call_within);
  if (state.leave) state.leave(scene);
  if (ending == Ending::stop && !scene.cluster) {
    co_await scene.a->node.start();
    EXPECT_TRUE(co_await recovers(scene.a->node, scene.b->id()));
    co_await scene.a->node.stop();
  }
  co_await scene.b->node.stop();
  // And run_coroutine() sees that nothing stays behind.
}

class Ends : public ::testing::TestWithParam<State> {};

TEST_P(Ends, ByStop) {
  const State& state = GetParam();
  run_coroutine([&]() -> asio::awaitable<void> { co_await end_in(state, Ending::stop); });
}

TEST_P(Ends, ByDestruction) {
  const State& state = GetParam();
  run_coroutine([&]() -> asio::awaitable<void> { co_await end_in(state, Ending::destroy); });
}

INSTANTIATE_TEST_SUITE_P(Fault, Ends, ::testing::ValuesIn(all_states()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace mesh::test::faults
