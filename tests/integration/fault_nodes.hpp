#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <typeinfo>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <mesh/mesh.hpp>

#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_probe.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

/// The nodes of the tests that make Redis or the network fail.
namespace mesh::test::faults {

using namespace std::chrono_literals;

using Messages = MessageMap<Message<"echo", std::string, std::string>,
                            Message<"wait", int, int>>;  // milliseconds
using Broadcasts = BroadcastMap<Broadcast<"news", std::string>>;
using Node = MeshService<Messages, Broadcasts>;

inline const std::string mesh_key = "faults";

inline std::string key_of(const std::string& part) { return "test:mesh:" + mesh_key + ":" + part; }
inline std::string channel_of(InstanceId id) { return key_of("node:" + std::to_string(id)); }
inline const std::string mesh_lock = "test:leader:mesh:" + mesh_key;

/// Sentinel closes all connections to a server that it promotes, also the one of the question.
inline bool is_subscribed_at(const RedisServer& server, InstanceId id) {
  try {
    return server.probe().subscribers(channel_of(id)) == 1;
  } catch (const RedisProbeError&) {
    return false;
  }
}

/// Short intervals, but nothing that a slow machine runs out of: no node is removed and no call
/// times out unless a test asks for it.
inline MeshOptions patient_options(const RedisOptions& redis, const LogCapture& log) {
  MeshOptions options;
  options.redis = redis;
  options.log = log.sink();
  options.heartbeat_interval = 100ms;
  options.node_ttl = 60s;
  options.request_timeout = 20s;
  options.leader.ttl = 1s;
  options.leader.renewal_interval = 200ms;
  options.leader.retry_delay = 100ms;
  options.leader.wait_after_data_loss = false;
  return options;
}

inline void register_handlers(Node& node) {
  node.register_handler<"echo">([](const std::string& text) { return text; });
  node.register_handler<"wait">([](int duration) -> asio::awaitable<int> {
    co_await sleep_for(std::chrono::milliseconds(duration));
    co_return duration;
  });
}

/// Whether the call is answered; false if it times out or reaches nobody.
inline asio::awaitable<bool> echoes(Node& from, InstanceId to,
                                    std::chrono::milliseconds timeout = 2s) {
  const std::string text = "are you there?";
  try {
    const std::string answer = co_await from.invoke<"echo">(to, text, {.timeout = timeout});
    co_return answer == text;
  } catch (const MeshRequestTimeoutError&) {
    co_return false;
  }
}

/// Whether calls get through before long, where some may be lost on the way.
inline asio::awaitable<bool> recovers(Node& from, InstanceId to) {
  auto attempt = [&] { return echoes(from, to); };
  co_return co_await eventually(attempt, 40s);
}

/// The cause with which a node fails to start.
inline std::string failed_start(const RedisOptions& redis) {
  std::string cause;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    Node node(co_await asio::this_coro::executor, mesh_key, patient_options(redis, log));
    const auto error = co_await expect_error<MeshConnectionError>(node.start());
    if (error) cause = error->cause();
  });
  return cause;
}

/// Two nodes of one mesh; `a` is started first.
struct Pair {
  Pair(const asio::any_io_executor& executor, const RedisOptions& redis,
       const std::string& key = mesh_key)
      : Pair(executor, redis, redis, key) {}
  Pair(const asio::any_io_executor& executor, const RedisOptions& redis_of_a,
       const RedisOptions& redis_of_b, const std::string& key = mesh_key)
      : a(executor, key, patient_options(redis_of_a, log)),
        b(executor, key, patient_options(redis_of_b, log)) {
    register_handlers(a);
    register_handlers(b);
  }

  asio::awaitable<void> start() {
    co_await a.start();
    co_await b.start();
  }
  asio::awaitable<void> stop() {
    co_await a.stop();
    co_await b.stop();
  }

  LogCapture log;
  Node a;
  Node b;
};

/// A call that runs by itself; its end is recorded.
struct Call {
  int completions = 0;
  bool succeeded = false;
  std::string answer;
  std::exception_ptr error;

  bool is_done() const { return completions > 0; }

  template <typename Error>
  bool failed_with() const {
    if (!error) return false;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& exception) {
      return typeid(exception) == typeid(Error);
    }
  }
  std::string what() const {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::exception& exception) {
      return exception.what();
    }
    return "";
  }
};

/// Begins an echo; the completion runs on the executor.
inline std::shared_ptr<Call> begin_echo(const asio::any_io_executor& executor, Node& from,
                                        InstanceId to, const std::string& text,
                                        std::chrono::milliseconds timeout) {
  auto call = std::make_shared<Call>();
  auto complete = [call](std::exception_ptr error, std::string answer) {
    ++call->completions;
    call->succeeded = !error;
    call->answer = std::move(answer);
    call->error = std::move(error);
  };
  from.invoke<"echo">(to, text, {.timeout = timeout},
                      asio::bind_executor(executor, std::move(complete)));
  return call;
}

/// Begins a call of "wait".
inline std::shared_ptr<Call> begin_wait(const asio::any_io_executor& executor, Node& from,
                                        InstanceId to, std::chrono::milliseconds duration,
                                        std::chrono::milliseconds timeout) {
  auto call = std::make_shared<Call>();
  auto complete = [call](std::exception_ptr error, int /*duration*/) {
    ++call->completions;
    call->succeeded = !error;
    call->error = std::move(error);
  };
  from.invoke<"wait">(to, static_cast<int>(duration.count()), {.timeout = timeout},
                      asio::bind_executor(executor, std::move(complete)));
  return call;
}

/// The stop of its caller ends the call, once.
inline asio::awaitable<void> expect_stopped(std::shared_ptr<Call> call) {
  const auto is_done = [&] { return call->is_done(); };
  EXPECT_TRUE(co_await eventually(is_done));
  EXPECT_EQ(call->completions, 1);
  EXPECT_TRUE(call->failed_with<MeshStoppedError>()) << call->what();
}

}  // namespace mesh::test::faults
