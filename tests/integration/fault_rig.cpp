#include "fault_rig.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <support/coroutine.hpp>

namespace mesh::test::faults {

namespace {

constexpr std::chrono::milliseconds between_calls{10};
constexpr std::chrono::seconds call_timeout{2};

MeshOptions options_for(RedisOptions redis, const Rig::Tuning& tuning) {
  MeshOptions options = patient_options(redis, LogCapture());
  options.stop_timeout = 2s;
  if (tuning) tuning(options);
  return options;
}

MeshOptions logging_to(MeshOptions options, const LogCapture& log) {
  options.log = log.sink();
  return options;
}

}  // namespace

// Member ------------------------------------------------------------------------------------------

Member::Member(const asio::any_io_executor& executor, const RedisOptions& redis)
    : Member(executor, options_for(redis, {})) {}

Member::Member(const asio::any_io_executor& executor, MeshOptions options)
    : node(executor, mesh_key, logging_to(std::move(options), log)) {
  node.register_handler<"echo">([handled = handled](std::string text) {
    handled->note(text);
    return text;
  });
  node.register_handler<"wait">([](int duration) -> asio::awaitable<int> {
    co_await sleep_for(std::chrono::milliseconds(duration));
    co_return duration;
  });
}

// Traffic -----------------------------------------------------------------------------------------

Traffic::Traffic(asio::any_io_executor executor, Member& a, Member& b)
    : executor_(std::move(executor)), a_(a), b_(b) {}

Traffic::~Traffic() { state_->stopped = true; }

asio::awaitable<void> Traffic::run(asio::any_io_executor executor, std::shared_ptr<State> state,
                                   Member& a, Member& b) {
  while (!state->stopped) {
    const std::string number = std::to_string(state->calls.size() / 2);
    const std::string to_b = "to b " + number;
    const std::string to_a = "to a " + number;
    auto at_b = begin_echo(executor, a.node, b.id(), to_b, call_timeout);
    auto at_a = begin_echo(executor, b.node, a.id(), to_a, call_timeout);
    state->calls.push_back(Sent{&b, to_b, std::move(at_b)});
    state->calls.push_back(Sent{&a, to_a, std::move(at_a)});
    co_await sleep_for(between_calls);
  }
  state->running = false;
}

asio::awaitable<bool> Traffic::begin() {
  state_->running = true;
  asio::co_spawn(executor_, run(executor_, state_, a_, b_), asio::detached);
  const auto both_succeed = [this] { return has_succeeded(a_) && has_succeeded(b_); };
  co_return co_await eventually(both_succeed);
}

bool Traffic::has_succeeded(const Member& to) const {
  return std::ranges::any_of(state_->calls, [&to](const Sent& sent) {
    return sent.to == &to && sent.call->is_done() && sent.call->succeeded;
  });
}

asio::awaitable<void> Traffic::end() {
  state_->stopped = true;
  const auto all_done = [this] {
    return !state_->running && std::ranges::all_of(state_->calls, [](const Sent& sent) {
      return sent.call->is_done();
    });
  };
  EXPECT_TRUE(co_await eventually(all_done, 40s));
  for (const Sent& sent : state_->calls) check(sent);
  for (const Member* member : {&a_, &b_}) {
    const MeshStats stats = member->node.stats();
    EXPECT_EQ(stats.calls_sent, stats.calls_succeeded + stats.calls_failed);
  }
}

void Traffic::check(const Sent& sent) {
  const Call& call = *sent.call;
  EXPECT_EQ(call.completions, 1) << sent.text;
  const int times = sent.to->handled->times(sent.text);
  if (call.succeeded) {
    EXPECT_EQ(call.answer, sent.text);
    EXPECT_EQ(times, 1) << sent.text;
  } else {
    EXPECT_LE(times, 1) << sent.text;
    EXPECT_TRUE(call.failed_with<MeshRequestTimeoutError>() ||
                call.failed_with<MeshNodeUnreachableError>() ||
                call.failed_with<MeshConnectionError>())
        << sent.text << ": " << call.what();
  }
}

// Rig ---------------------------------------------------------------------------------------------

Rig::Rig(const asio::any_io_executor& executor, Route route_of_a, const Tuning& tuning,
         RedisServerOptions server_options)
    : server(std::move(server_options)),
      proxy(server),
      a(executor,
        options_for(route_of_a == Route::proxied ? proxy.options() : server.options(), tuning)),
      b(executor, options_for(server.options(), route_of_a == Route::direct ? tuning : Tuning())) {}

asio::awaitable<bool> Rig::start() {
  co_await a.node.start();
  co_await b.node.start();
  const auto is_led = [this] { return a.node.leader().is_leader() || b.node.leader().is_leader(); };
  co_return co_await eventually(is_led);
}

// What must be true of every fault ----------------------------------------------------------------

asio::awaitable<void> expect_survived(Rig& rig, const Fault& fault) {
  const auto executor = co_await asio::this_coro::executor;
  CO_ASSERT_TRUE(co_await rig.start());
  Traffic traffic(executor, rig.a, rig.b);
  CO_ASSERT_TRUE(co_await traffic.begin());

  fault.inflict();
  const auto is_noticed = [&] {
    if (fault.is_noticed) return fault.is_noticed();
    return rig.a.losses() >= fault.losses_of_a && rig.b.losses() >= fault.losses_of_b;
  };
  EXPECT_TRUE(co_await eventually(is_noticed)) << rig.a.log.text() << rig.b.log.text();
  co_await sleep_for(fault.lasting);
  if (fault.heal) fault.heal();

  EXPECT_TRUE(co_await recovers_both_ways(rig)) << rig.a.log.text() << rig.b.log.text();
  co_await traffic.end();
  expect_logged_and_counted(rig.a, fault.losses_of_a);
  expect_logged_and_counted(rig.b, fault.losses_of_b);
  co_await expect_registered_and_led(rig);
  co_await expect_quick_stop(rig);
}

asio::awaitable<bool> recovers_both_ways(Rig& rig) {
  const bool to_b = co_await recovers(rig.a.node, rig.b.id());
  const bool to_a = co_await recovers(rig.b.node, rig.a.id());
  co_return to_a&& to_b;
}

void expect_logged_and_counted(const Member& member, std::size_t losses) {
  EXPECT_EQ(member.losses(), losses) << member.log.text();
  EXPECT_EQ(member.log.count("): connected to"), losses) << member.log.text();
  EXPECT_EQ(member.node.stats().reconnects, losses) << member.log.text();
  expect_no_repetition(member);
}

void expect_no_repetition(const Member& member) {
  std::map<std::string, int> times;
  for (const LogCapture::Line& line : member.log.lines()) {
    if (line.level >= LogLevel::warning) ++times[line.text];
  }
  for (const auto& [text, count] : times) EXPECT_EQ(count, 1) << text;
}

asio::awaitable<void> expect_registered_and_led(Rig& rig) {
  RedisProbe probe = rig.server.probe();
  const auto is_registered = [&probe](const Member& member) {
    const std::string id = std::to_string(member.id());
    return probe.zscore(key_of("heartbeats"), id) && probe.hget(key_of("nodes"), id);
  };
  const auto both_registered = [&] { return is_registered(rig.a) && is_registered(rig.b); };
  EXPECT_TRUE(co_await eventually(both_registered));
  EXPECT_EQ(rig.a.id(), 1);
  EXPECT_EQ(rig.b.id(), 2);
  const auto is_led = [&rig] {
    return rig.a.node.leader().is_leader() != rig.b.node.leader().is_leader();
  };
  EXPECT_TRUE(co_await eventually(is_led));
}

asio::awaitable<void> expect_quick_stop(Rig& rig) {
  const auto begin = std::chrono::steady_clock::now();
  co_await rig.a.node.stop();
  co_await rig.b.node.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  RedisProbe probe = rig.server.probe();
  EXPECT_FALSE(probe.exists(key_of("heartbeats")));
  EXPECT_FALSE(probe.exists(key_of("nodes")));
  EXPECT_FALSE(probe.exists(mesh_lock));
}

}  // namespace mesh::test::faults
