#include <gtest/gtest.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>
#include <support/wait.hpp>

namespace mesh::test::faults {
namespace {

using Names = std::set<std::string>;

/// A child that has all descriptors which are not marked otherwise. It dies with this object.
class Fork {
 public:
  /// `body` runs in the child; it must not return.
  explicit Fork(const std::function<void()>& body) : pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
    _exit(1);
  }
  ~Fork() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Fork(const Fork&) = delete;
  Fork& operator=(const Fork&) = delete;

  std::filesystem::path process() const { return "/proc/" + std::to_string(pid_); }

 private:
  pid_t pid_;
};

/// Such as "socket:[1234]".
Names sockets_of(const std::filesystem::path& process) {
  Names sockets;
  for (const auto& entry : std::filesystem::directory_iterator(process / "fd")) {
    std::error_code gone;
    const std::string name = std::filesystem::read_symlink(entry.path(), gone).string();
    if (name.starts_with("socket:")) sockets.insert(name);
  }
  return sockets;
}

void execute_sleep() { execlp("sleep", "sleep", "600", nullptr); }

void expect_nothing_inherited(const RedisOptions& redis) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const Names before = sockets_of("/proc/self");
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    co_await node.start();
    Names own;
    std::ranges::set_difference(sockets_of("/proc/self"), before, std::inserter(own, own.end()));
    EXPECT_GE(own.size(), 2U);

    const Fork child(execute_sleep);
    const auto executes = [&] {
      return std::filesystem::read_symlink(child.process() / "exe").filename() !=
             std::filesystem::read_symlink("/proc/self/exe").filename();
    };
    CO_ASSERT_TRUE(co_await eventually(executes));
    Names inherited;
    std::ranges::set_intersection(sockets_of(child.process()), own,
                                  std::inserter(inherited, inherited.end()));
    EXPECT_TRUE(inherited.empty()) << inherited.size() << " of " << own.size();
    co_await node.stop();
  });
}

TEST(InheritedSocket, ProgramsThatAreExecutedHaveNone) {
  const RedisServer server;
  expect_nothing_inherited(server.options());
  expect_nothing_inherited(server.socket_options());
}

// A process that was forked and executes nothing has them all.
void expect_ended_by_stop(const RedisServer& server, const RedisOptions& redis) {
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    co_await node.start();
    const InstanceId id = node.instance_id();
    RedisProbe probe = server.probe();
    EXPECT_EQ(probe.subscribers(channel_of(id)), 1);

    const Fork child([] {
      for (;;) pause();
    });
    co_await node.stop();
    const auto is_alone = [&] {
      const std::string clients = probe.text({"CLIENT", "LIST"});
      return std::ranges::count(clients, '\n') == 1;
    };
    EXPECT_TRUE(co_await eventually(is_alone)) << probe.text({"CLIENT", "LIST"});
    EXPECT_EQ(probe.subscribers(channel_of(id)), 0);
  });
}

TEST(InheritedSocket, StopEndsConnectionsThatAForkedProcessHolds) {
  const RedisServer server;
  expect_ended_by_stop(server, server.options());
  expect_ended_by_stop(server, server.socket_options());
}

TEST(InheritedSocket, StopTellsRedisThatNobodyListensAnyMore) {
  const RedisServer server;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(server.options(), log));
    co_await node.start();
    const auto before = server.probe().command_stats().calls("unsubscribe");
    co_await node.stop();
    EXPECT_GE(server.probe().command_stats().calls("unsubscribe"), before + 2);
    EXPECT_FALSE(log.contains("", LogLevel::warning)) << log.text();
  });
}

}  // namespace
}  // namespace mesh::test::faults
