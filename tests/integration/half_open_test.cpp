// As FaultTable.HalfOpenConnection, but in a real network: a Redis in a network namespace of its
// own, at the other end of a virtual cable. It needs privileges that not every machine gives.

#include <gtest/gtest.h>

#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_rig.hpp>
#include <support/child_process.hpp>
#include <support/coroutine.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>
#include <support/temp_dir.hpp>

namespace mesh::test::faults {
namespace {

using Words = std::vector<std::string>;

/// What the program wrote, or nothing if all went well.
std::string complaint_of(const Words& command) {
  const TempDir directory;
  ProcessOptions options;
  options.command = command;
  options.output = directory.path() / "output";
  try {
    ChildProcess process(options);
    const auto status = process.wait(20s);
    if (status && status->code == 0) return "";
    return command.front() + ": " + process.output();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

void run(const Words& command) {
  const std::string complaint = complaint_of(command);
  if (!complaint.empty()) throw std::runtime_error(complaint);
}

/// Why there can be no network namespaces here; empty if there can.
std::string obstacle_to_namespaces() {
  const std::string end = "mp" + std::to_string(getpid());
  std::string complaint = complaint_of({"unshare", "--net", "true"});
  if (complaint.empty()) {
    complaint = complaint_of({"ip", "link", "add", end, "type", "veth", "peer", "name", end + "x"});
  }
  if (complaint.empty()) complaint = complaint_of({"ip", "link", "delete", end});
  return complaint;
}

/// A virtual cable from this network namespace into that of another process. It goes with either.
class Cable {
 public:
  explicit Cable(pid_t other) : other_(std::to_string(other)) {
    run({"ip", "link", "add", near_end_, "type", "veth", "peer", "name", far_end_, "netns",
         other_});
    run({"ip", "address", "add", near_address() + "/30", "dev", near_end_});
    run({"ip", "link", "set", near_end_, "up"});
    run_there({"ip", "address", "add", far_address() + "/30", "dev", far_end_});
    run_there({"ip", "link", "set", far_end_, "up"});
  }
  ~Cable() { complaint_of({"ip", "link", "delete", near_end_}); }
  Cable(const Cable&) = delete;
  Cable& operator=(const Cable&) = delete;

  std::string far_address() const { return address(2); }

  /// Each end sends to a hardware address that nobody has, so that every packet gets lost.
  void lose_packets() {
    const std::string nobody = "02:00:00:00:00:01";
    run({"ip", "neighbour", "replace", far_address(), "lladdr", nobody, "nud", "permanent", "dev",
         near_end_});
    run_there({"ip", "neighbour", "replace", near_address(), "lladdr", nobody, "nud", "permanent",
               "dev", far_end_});
  }
  void lose_no_packets() {
    run({"ip", "neighbour", "delete", far_address(), "dev", near_end_});
    run_there({"ip", "neighbour", "delete", near_address(), "dev", far_end_});
  }

 private:
  std::string near_address() const { return address(1); }
  // From the range for tests of networks, a piece of four addresses for each process.
  static std::string address(int host) {
    const int piece = getpid() % 16384;
    return "198.18." + std::to_string(piece / 64) + "." + std::to_string(piece % 64 * 4 + host);
  }
  void run_there(const Words& command) const {
    Words inside = {"nsenter", "--net", "--target", other_, "--"};
    inside.insert(inside.end(), command.begin(), command.end());
    run(inside);
  }

  std::string other_;
  std::string near_end_ = "mn" + std::to_string(getpid());
  std::string far_end_ = "mf" + std::to_string(getpid());
};

RedisServerOptions in_a_namespace() {
  RedisServerOptions options;
  options.launcher = {"unshare", "--net", "--"};
  options.config = {"bind 0.0.0.0"};
  return options;
}

TEST(HalfOpen, PacketsLostInARealNetwork) {
  if (const std::string obstacle = obstacle_to_namespaces(); !obstacle.empty()) {
    GTEST_SKIP() << "NOT TESTED: no network namespaces on this machine, or no privileges for them. "
                 << obstacle << "FaultTable.HalfOpenConnection tests the same without them.";
  }
  run_coroutine([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    RedisServer server(in_a_namespace());
    Cable cable(server.pid());
    RedisOptions redis = server.options();
    redis.host = cable.far_address();
    redis.health_check_interval = 400ms;
    redis.connect_timeout = 600ms;
    MeshOptions options = patient_options(redis, LogCapture());
    options.stop_timeout = 2s;
    // It outlasts the fault. A shorter one could be granted by an answer that was long on its way,
    // and run out at once, so that the election fails once more.
    options.leader.ttl = 30s;
    Member a(executor, options);
    Member b(executor, options);
    co_await a.node.start();
    co_await b.node.start();
    Traffic traffic(executor, a, b);
    CO_ASSERT_TRUE(co_await traffic.begin());

    cable.lose_packets();
    const auto noticed = [&] {
      return a.log.count("no answer to PING in time") == 2 &&
             b.log.count("no answer to PING in time") == 2;
    };
    EXPECT_TRUE(co_await eventually(noticed)) << a.log.text() << b.log.text();
    const auto cannot_connect = [&] { return a.log.count("no connection in time") >= 2; };
    EXPECT_TRUE(co_await eventually(cannot_connect)) << a.log.text();
    cable.lose_no_packets();

    EXPECT_TRUE(co_await recovers(a.node, b.id())) << a.log.text();
    EXPECT_TRUE(co_await recovers(b.node, a.id())) << b.log.text();
    co_await traffic.end();
    expect_logged_and_counted(a, 2);
    expect_logged_and_counted(b, 2);
    cable.lose_packets();
    const auto begin = std::chrono::steady_clock::now();
    co_await a.node.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    cable.lose_no_packets();
    co_await b.node.stop();
  });
}

}  // namespace
}  // namespace mesh::test::faults
