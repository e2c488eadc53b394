#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/hanging_name.hpp>
#include <integration/start_attempts.hpp>
#include <support/coroutine.hpp>
#include <support/descriptor.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>
#include <support/sentinel_cluster.hpp>

// A name that has several addresses. All of 127.0.0.0/8 is this machine.
namespace mesh::test::faults {
namespace {

const std::string mute_address = "127.0.0.2";

/// Accepts connections and never says anything.
class MuteServer {
 public:
  explicit MuteServer(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, mute_address.c_str(), &address.sin_addr);
    const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
    const int yes = 1;
    setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    listens_ = bind(listener_.get(), raw, sizeof(address)) == 0 && listen(listener_.get(), 64) == 0;
  }

  bool listens() const { return listens_; }

 private:
  Descriptor listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  bool listens_ = false;
};

RedisOptions by_name(const RedisServer& server) {
  RedisOptions redis = server.options();
  redis.host = HangingName::name();
  redis.connect_timeout = 2s;
  return redis;
}

TEST(SeveralAddresses, OneThatSaysNothingLeavesTimeForTheNext) {
  const RedisServer server;
  const MuteServer mute(server.port());
  ASSERT_TRUE(mute.listens());
  HangingName name;
  name.set_addresses({mute_address, "127.0.0.1"});
  expect_usable(by_name(server));
}

TEST(SeveralAddresses, TheNextIsFoundWhenTheGoodOneFallsSilent) {
  const RedisServer server;
  const MuteServer mute(server.port());
  ASSERT_TRUE(mute.listens());
  HangingName name;
  run_coroutine([&]() -> asio::awaitable<void> {
    Pair pair(co_await asio::this_coro::executor, by_name(server));
    co_await pair.start();
    name.set_addresses({mute_address, "127.0.0.1"});
    server.command({"CLIENT", "KILL", "TYPE", "pubsub"});
    server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    EXPECT_TRUE(co_await recovers(pair.a, pair.b.instance_id())) << pair.log.text();
    co_await pair.stop();
  });
}

TEST(SeveralAddresses, OneThatSaysNothingLeavesTimeForTheNextSentinel) {
  const SentinelCluster cluster;
  const MuteServer mute(cluster.sentinel_port());
  ASSERT_TRUE(mute.listens());
  HangingName name;
  name.set_addresses({mute_address, "127.0.0.1"});
  RedisOptions redis = cluster.options();
  redis.sentinel_host = HangingName::name();
  redis.sentinel_port = cluster.sentinel_port();
  redis.connect_timeout = 2s;
  expect_usable(redis);
}

}  // namespace
}  // namespace mesh::test::faults
