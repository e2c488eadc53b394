#include <gtest/gtest.h>

#include <exception>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/options.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>

#include <core/mesh_core.hpp>
#include <unit/run_on_strand.hpp>

namespace mesh {
namespace {

using namespace std::chrono_literals;
using core::MeshCore;
using test::eventually;
using test::run_on_strand;

TEST(MeshCore, AStartThatIsCancelledWhenItHasSucceededLeavesTheEndToAStopThatDrains) {
  run_on_strand([](Strand strand) -> asio::awaitable<void> {
    const test::RedisServer server;
    const test::LogCapture log;
    std::function<void()> on_joined = [] {};
    MeshOptions options;
    options.redis = server.options();
    options.leader.wait_after_data_loss = false;
    options.log = [&](LogLevel level, std::string_view text) {
      log.sink()(level, text);
      if (text.starts_with("joined")) on_joined();
    };
    const auto core = std::make_shared<MeshCore>(strand.get_inner_executor(), "core", options);
    const std::string uncancelled = "ended in its time";
    std::string handler_end;
    auto wait = [&]() -> asio::awaitable<void> {
      try {
        co_await test::sleep_for(300ms);
        handler_end = uncancelled;
      } catch (...) {
        handler_end = "cancelled";
        throw;
      }
    };
    core->server().handlers().set(
        "wait",
        std::make_shared<detail::FunctionHandler<decltype(wait), void, void>>("wait", wait));

    asio::cancellation_signal cancel;
    std::exception_ptr start_error;
    bool has_started = false;
    bool has_stopped = false;
    on_joined = [&] {
      core->server().on_request(wire::Request{"1", core->instance_id(), "wait", "null", 5s});
      StopOptions patiently;
      patiently.drain_timeout = 20s;
      asio::co_spawn(core->strand(), core->stop(patiently),
                     [&](const std::exception_ptr&) { has_stopped = true; });
      asio::post(core->strand(), [&] { cancel.emit(asio::cancellation_type::terminal); });
    };
    asio::co_spawn(
        core->strand(), core->start(),
        asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& error) {
          start_error = error;
          has_started = true;
        }));
    const auto is_over = [&] { return has_started && has_stopped; };
    EXPECT_TRUE(co_await eventually(is_over)) << log.text();
    EXPECT_EQ(handler_end, uncancelled);
    EXPECT_EQ(core->instance_id(), 0);
    EXPECT_FALSE(core->leader()->is_leader());
    EXPECT_EQ(server.probe().integer({"ZCARD", "test:mesh:core:heartbeats"}), 0);
  });
}

}  // namespace
}  // namespace mesh
