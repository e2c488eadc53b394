#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/start_attempts.hpp>
#include <support/coroutine.hpp>
#include <support/descriptor.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>
#include <support/temp_dir.hpp>
#include <support/wait.hpp>

namespace mesh::test::faults {
namespace {

/// A unix socket that holds as many connections as it can, so that the next one finds no room.
class FullSocket {
 public:
  explicit FullSocket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
    if (bind(listener_.get(), raw, sizeof(address)) != 0 || listen(listener_.get(), 0) != 0) return;
    do {
      others_.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    } while (others_.size() < 100 && connect(others_.back().get(), raw, sizeof(address)) == 0);
    is_full_ = errno == EAGAIN;
  }

  bool is_full() const { return is_full_; }

 private:
  Descriptor listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::vector<Descriptor> others_;
  bool is_full_ = false;
};

TEST(FullUnixSocket, IsTriedUntilTheDeadline) {
  const TempDir directory;
  RedisOptions redis;
  redis.connect_timeout = 300ms;
  redis.prefix = "test";
  redis.mutex_prefix = "test";
  redis.unix_socket = (directory.path() / "full.sock").string();
  const FullSocket full(redis.unix_socket);
  ASSERT_TRUE(full.is_full());
  const FailedStart start = start_in_vain(redis);
  ASSERT_TRUE(start.error);
  EXPECT_EQ(start.error->host(), redis.unix_socket);
  EXPECT_NE(start.error->cause().find("in time"), std::string::npos) << start.error->cause();
  EXPECT_GE(start.elapsed, 290ms);
  EXPECT_LT(start.elapsed, 10s);
}

TEST(FullUnixSocket, IsWaitedFor) {
  RedisServerOptions narrow;
  narrow.config = {"tcp-backlog 1"};
  RedisServer server(narrow);
  server.pause();
  std::vector<Descriptor> others;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  server.socket().copy(address.sun_path, sizeof(address.sun_path) - 1);
  const auto is_full = [&] {
    others.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
    return connect(others.back().get(), raw, sizeof(address)) != 0;
  };
  ASSERT_TRUE(wait_until(is_full));
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    LogCapture log;
    RedisOptions redis = server.socket_options();
    redis.connect_timeout = 20s;
    Node node(executor, mesh_key, patient_options(redis, log));
    bool ended = false;
    std::exception_ptr failure;
    auto complete = [&](std::exception_ptr error) {
      failure = std::move(error);
      ended = true;
    };
    node.start(asio::bind_executor(executor, complete));
    co_await sleep_for(100ms);
    EXPECT_FALSE(ended);
    server.resume();
    const auto is_ended = [&] { return ended; };
    CO_ASSERT_TRUE(co_await eventually(is_ended));
    EXPECT_FALSE(failure);
    co_await node.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
