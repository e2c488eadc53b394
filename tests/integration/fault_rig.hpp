#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <integration/fault_nodes.hpp>
#include <integration/redis_proxy.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>

namespace mesh::test::faults {

/// How often a handler ran for each text. Usable from any thread.
class Handled {
 public:
  void note(const std::string& text) {
    const std::lock_guard lock(mutex_);
    ++times_[text];
  }
  int times(const std::string& text) const {
    const std::lock_guard lock(mutex_);
    const auto found = times_.find(text);
    return found == times_.end() ? 0 : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> times_;
};

/// A node with a log of its own, whose "echo" counts.
struct Member {
  Member(const asio::any_io_executor& executor, const RedisOptions& redis);
  Member(const asio::any_io_executor& executor, MeshOptions options);

  InstanceId id() const { return node.instance_id(); }
  std::size_t losses() const { return log.count("lost the connection", LogLevel::warning); }

  LogCapture log;
  std::shared_ptr<Handled> handled = std::make_shared<Handled>();
  Node node;
};

/// Calls in both directions, one after the other without waiting for answers. It is used on the
/// executor that it is given, which must be that of one thread or a strand.
class Traffic {
 public:
  Traffic(asio::any_io_executor executor, Member& a, Member& b);
  ~Traffic();
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  /// Begins to call, and returns when calls have succeeded in both directions.
  asio::awaitable<bool> begin();
  /// Waits for the end of each call, and checks that it had one outcome that a lost connection
  /// may cause, and that no handler ran twice.
  asio::awaitable<void> end();

 private:
  struct Sent {
    Member* to = nullptr;
    std::string text;
    std::shared_ptr<Call> call;
  };
  struct State {
    bool stopped = false;
    bool running = false;
    std::vector<Sent> calls;
  };

  static asio::awaitable<void> run(asio::any_io_executor executor, std::shared_ptr<State> state,
                                   Member& a, Member& b);
  bool has_succeeded(const Member& to) const;
  static void check(const Sent& sent);

  asio::any_io_executor executor_;
  Member& a_;
  Member& b_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// A Redis and two nodes: `b` is connected directly, `a` through the proxy if told so.
struct Rig {
  enum class Route { direct, proxied };
  using Tuning = std::function<void(MeshOptions&)>;

  /// Not to be used in an expression with co_await, where some compilers destroy the default
  /// arguments twice. The tuning is for both nodes, or for `a` alone if it is the one to be
  /// disturbed.
  Rig(const asio::any_io_executor& executor, Route route_of_a, const Tuning& tuning = {},
      RedisServerOptions server_options = {});

  /// Starts both nodes; true once one of them leads.
  asio::awaitable<bool> start();

  RedisServer server;
  RedisProxy proxy;
  Member a;
  Member b;
};

/// Something that happens to the connections of running nodes.
struct Fault {
  std::function<void()> inflict;
  /// When the nodes have noticed; without it, when they have lost their connections.
  std::function<bool()> is_noticed;
  /// How long it goes on then.
  std::chrono::milliseconds lasting{0};
  std::function<void()> heal;
  /// How many of its connections each node loses.
  std::size_t losses_of_a = 2;
  std::size_t losses_of_b = 2;
};

/// Inflicts the fault on nodes that call each other, and checks what must be true of every fault:
/// each call has one outcome, calls succeed again, losses are logged once and counted, the nodes
/// are registered, one of them leads, and they stop quickly and in good order.
asio::awaitable<void> expect_survived(Rig& rig, const Fault& fault);

// The parts of it.

asio::awaitable<bool> recovers_both_ways(Rig& rig);
/// Each loss was logged and counted, each return too, and no warning came twice.
void expect_logged_and_counted(const Member& member, std::size_t losses);
void expect_no_repetition(const Member& member);
asio::awaitable<void> expect_registered_and_led(Rig& rig);
asio::awaitable<void> expect_quick_stop(Rig& rig);

}  // namespace mesh::test::faults
