#include <gtest/gtest.h>

#include <memory>
#include <string>

#include <boost/asio/post.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>

#include <core/cleanup.hpp>
#include <core/keys.hpp>
#include <core/registry.hpp>
#include <leader/leader_driver.hpp>
#include <redis/client.hpp>
#include <unit/run_on_strand.hpp>

/// Parts that are abandoned when the answer that they wait for has come, but nobody has heard it.
namespace mesh {
namespace {

using namespace std::chrono_literals;
using core::Cleanup;
using core::Registry;
using leader::LeaderDriver;
using test::eventually;
using test::run_on_strand;
using test::soon;

const std::string mesh_key = "abandoned";

class Abandoned : public ::testing::Test {
 protected:
  std::shared_ptr<redis::Client> make_client(const Strand& strand) const {
    constexpr std::size_t queued_bytes = 100000;
    return std::make_shared<redis::Client>(strand, server_.options(), "commands", queued_bytes,
                                           log_.sink());
  }

  /// Does so when the answer to the last command has arrived, and before anyone hears it.
  template <typename Part>
  static void abandon_with_the_answer(const Strand& strand, redis::Client& client,
                                      std::shared_ptr<Part> part, bool& done) {
    // Posted, as a destructor does: that puts it before whom the answer has woken.
    client.submit(redis::Command{"PING"}, soon(), [&strand, part, &done](const redis::Outcome&) {
      asio::post(strand, [part, &done] {
        part->abandon();
        done = true;
      });
    });
  }

  /// Until everything that was queued has run.
  static asio::awaitable<void> settle(redis::Client& client) {
    for (int i = 0; i < 3; ++i) {
      redis::Command command{"PING"};
      co_await client.request(std::move(command), soon());
    }
  }

  test::RedisServer server_;
  test::LogCapture log_;
};

TEST_F(Abandoned, ALeaseThatIsGrantedThenMakesNobodyTheLeader) {
  run_on_strand([&](Strand strand) -> asio::awaitable<void> {
    const auto client = make_client(strand);
    client->open();
    co_await client->wait_ready(soon());
    LeaderOptions options;
    options.wait_after_data_loss = false;
    const std::string lock = "test:leader:abandoned";
    const auto driver = std::make_shared<LeaderDriver>(
        leader::LeaderContext{strand, strand.get_inner_executor(), client, lock, log_.sink()},
        options);
    // Once in good order, so that the next attempt is one command.
    driver->start();
    const auto leads = [&] { return driver->is_leader(); };
    EXPECT_TRUE(co_await eventually(leads));
    co_await driver->stop(soon(), soon());
    EXPECT_FALSE(server_.probe().exists(lock));

    driver->set_became_leader_callback([]() -> asio::awaitable<void> {
      ADD_FAILURE() << "became leader";
      co_return;
    });
    bool abandoned = false;
    driver->start();
    abandon_with_the_answer(strand, *client, driver, abandoned);
    const auto is_abandoned = [&] { return abandoned; };
    EXPECT_TRUE(co_await eventually(is_abandoned));
    EXPECT_TRUE(server_.probe().exists(lock));
    co_await settle(*client);
    EXPECT_FALSE(driver->is_leader());
    EXPECT_EQ(driver->fencing_token(), 0);
    client->close();
    EXPECT_TRUE(co_await client->join_until(soon()));
  });
}

TEST_F(Abandoned, ACleanupReportsNothingAnyMore) {
  run_on_strand([&](Strand strand) -> asio::awaitable<void> {
    const auto client = make_client(strand);
    client->open();
    co_await client->wait_ready(soon());
    const core::Keys keys(server_.options(), mesh_key);
    const auto registry =
        std::make_shared<Registry>(Registry::Context{strand, client, keys, 60s, "host"});
    const InstanceId self = co_await registry->claim_id(soon());
    const std::string uuid = server_.probe().text({"GET", keys.owner(self)});
    const std::string note = std::to_string(self) + ":" + uuid + ":123";
    server_.command({"HSET", keys.reports(), "77", note});
    const Cleanup::Context context{strand, strand.get_inner_executor(), 60s, log_.sink()};
    const auto cleanup = std::make_shared<Cleanup>(context, registry);
    cleanup->set_callback([](InstanceId) -> asio::awaitable<void> {
      ADD_FAILURE() << "reported";
      co_return;
    });
    // It then asks whether the report is still its own.
    co_await cleanup->complete(self);
    bool abandoned = false;
    abandon_with_the_answer(strand, *client, cleanup, abandoned);
    const auto is_abandoned = [&] { return abandoned; };
    EXPECT_TRUE(co_await eventually(is_abandoned));
    co_await settle(*client);
    EXPECT_EQ(server_.probe().hget(keys.reports(), "77"), note);
    client->close();
    EXPECT_TRUE(co_await client->join_until(soon()));
  });
}

}  // namespace
}  // namespace mesh
