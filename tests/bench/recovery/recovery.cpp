#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_future.hpp>
#include <mesh/mesh.hpp>
#include <support/redis_server.hpp>

/// Measures how long after an outage of Redis two nodes that call each other all the time get the
/// first answers again. See README.md.
namespace mesh::bench {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;
using Node = MeshService<MessageMap<Message<"echo", std::string, std::string>>>;

/// With the defaults where it matters.
MeshOptions node_options(const test::RedisServer& server) {
  const RedisOptions defaults;
  MeshOptions options;
  options.redis = server.options();
  options.redis.connect_timeout = defaults.connect_timeout;
  options.redis.reconnect_min_delay = defaults.reconnect_min_delay;
  options.redis.reconnect_max_delay = defaults.reconnect_max_delay;
  options.redis.health_check_interval = 1s;
  options.log = null_log_sink();
  return options;
}

/// When the first call of one direction succeeded after a point in time. Usable from any thread.
class FirstSuccess {
 public:
  void expect() {
    const std::lock_guard lock(mutex_);
    at_.reset();
    is_expected_ = true;
  }
  void note() {
    const std::lock_guard lock(mutex_);
    if (is_expected_ && !at_) at_ = Clock::now();
  }
  std::optional<Clock::time_point> at() const {
    const std::lock_guard lock(mutex_);
    return at_;
  }

 private:
  mutable std::mutex mutex_;
  bool is_expected_ = false;
  std::optional<Clock::time_point> at_;
};

/// Two nodes that run on a thread of their own and call each other.
class Pair {
 public:
  explicit Pair(const test::RedisServer& server)
      : a_(context_.get_executor(), "recovery", node_options(server)),
        b_(context_.get_executor(), "recovery", node_options(server)),
        thread_([this] { context_.run(); }) {
    for (Node* const node : {&a_, &b_}) {
      node->register_handler<"echo">([](const std::string& text) { return text; });
      asio::co_spawn(context_, node->start(), asio::use_future).get();
    }
  }
  ~Pair() {
    for (Node* const node : {&a_, &b_}) {
      asio::co_spawn(context_, node->stop(), asio::use_future).get();
    }
    work_.reset();
    thread_.join();
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void call_for(std::chrono::milliseconds duration) {
    const auto end = Clock::now() + duration;
    while (Clock::now() < end) call();
  }
  /// When calls have succeeded in both directions.
  std::optional<Clock::time_point> call_until_success(std::chrono::milliseconds patience) {
    const auto end = Clock::now() + patience;
    while (Clock::now() < end) {
      call();
      const auto there = to_b_->at();
      const auto back = to_a_->at();
      if (there && back) return std::max(*there, *back);
    }
    return std::nullopt;
  }
  void expect_success() {
    to_a_->expect();
    to_b_->expect();
  }

 private:
  void call() {
    begin(a_, b_.instance_id(), to_b_);
    begin(b_, a_.instance_id(), to_a_);
    std::this_thread::sleep_for(5ms);
  }
  static void begin(Node& from, InstanceId to, const std::shared_ptr<FirstSuccess>& success) {
    const std::string text = "are you there?";
    const InvokeOptions options{.timeout = 5s};
    from.invoke<"echo">(to, text, options,
                        [success](const std::exception_ptr& error, const std::string& /*answer*/) {
                          if (!error) success->note();
                        });
  }

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = make_work_guard(context_);
  Node a_;
  Node b_;
  std::shared_ptr<FirstSuccess> to_a_ = std::make_shared<FirstSuccess>();
  std::shared_ptr<FirstSuccess> to_b_ = std::make_shared<FirstSuccess>();
  std::thread thread_;
};

struct Outage {
  std::string name;
  std::chrono::milliseconds lasting;
  bool is_killed = false;  // else it stands still
};

Clock::time_point wait_until_it_listens(std::uint16_t port) {
  asio::io_context context;
  for (;; std::this_thread::sleep_for(1ms)) {
    asio::ip::tcp::socket socket(context);
    boost::system::error_code error;
    socket.connect({asio::ip::address_v4::loopback(), port}, error);
    if (!error) return Clock::now();
  }
}

/// From Redis being back to the first answers; nothing if there were none for long.
std::optional<Milliseconds> measure(test::RedisServer& server, Pair& pair, const Outage& outage) {
  pair.call_for(300ms);
  outage.is_killed ? server.kill() : server.pause();
  pair.call_for(outage.lasting);
  pair.expect_success();
  Clock::time_point back = Clock::now();
  std::future<Clock::time_point> listens;
  if (outage.is_killed) {
    listens = std::async(std::launch::async, [&] { return wait_until_it_listens(server.port()); });
    server.start();
    back = listens.get();
  } else {
    server.resume();
  }
  const auto success = pair.call_until_success(30s);
  if (!success) return std::nullopt;
  return std::max(Milliseconds(*success - back), Milliseconds(0));
}

int run(std::size_t rounds) {
  const std::vector<Outage> outages{
      {"frozen_1s", 1s}, {"frozen_4s", 4s}, {"killed_1s", 1s, true}, {"killed_5s", 5s, true}};
  for (const Outage& outage : outages) {
    std::vector<Milliseconds> times;
    for (std::size_t round = 0; round < rounds; ++round) {
      test::RedisServer server;
      Pair pair(server);
      const auto time = measure(server, pair, outage);
      if (!time) {
        std::cerr << "recovery." << outage.name << ": no call has succeeded since\n";
        return EXIT_FAILURE;
      }
      times.push_back(*time);
    }
    std::ranges::sort(times);
    std::cout << "recovery." << outage.name << ".median_ms=" << times[times.size() / 2].count()
              << "\nrecovery." << outage.name << ".worst_ms=" << times.back().count() << std::endl;
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace mesh::bench

int main(int argc, char** argv) {
  const std::size_t rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20;
  return mesh::bench::run(std::max<std::size_t>(rounds, 1));
}
