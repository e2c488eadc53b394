#include <exception>
#include <string>

#include <benchmark/benchmark.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <mesh/mesh.hpp>
#include <support/redis_server.hpp>

#include <micro/count_allocations.hpp>
#include <micro/payloads.hpp>

namespace mesh::bench {
namespace {

namespace asio = boost::asio;
using benchmark::State;
using Messages =
    MessageMap<Message<"echo", std::string, std::string>, Message<"nothing", void, void>>;
using Node = MeshService<Messages>;

/// Two nodes that share a Redis of their own.
class World {
 public:
  World() {
    for (Node* const node : {&caller_, &handler_}) {
      node->register_handler<"echo">([](std::string text) { return text; });
      node->register_handler<"nothing">([] {});
      run(node->start());
    }
  }
  ~World() {
    run(caller_.stop());
    run(handler_.stop());
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Node& caller() { return caller_; }
  Node& handler() { return handler_; }

  void run(asio::awaitable<void> body) {
    bool done = false;
    std::exception_ptr error;
    asio::co_spawn(context_, std::move(body), [&](std::exception_ptr failure) {
      error = std::move(failure);
      done = true;
    });
    while (!done) context_.run_one();
    if (error) std::rethrow_exception(error);
  }

 private:
  MeshOptions options() const {
    MeshOptions options;
    options.redis = redis_.admin_options();
    return options;
  }

  test::RedisServer redis_;
  asio::io_context context_{1};
  Node caller_{context_.get_executor(), "bench", options()};
  Node handler_{context_.get_executor(), "bench", options()};
};

World& world() {
  static World world;
  return world;
}

asio::awaitable<void> echo(State& state, Node& from, InstanceId to) {
  const std::string text = plain_text(payload_size(state));
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) {
    std::string answer = co_await from.invoke<"echo">(to, text);
    benchmark::DoNotOptimize(answer.data());
  }
}

asio::awaitable<void> call_nothing(State& state, Node& from, InstanceId to) {
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) co_await from.invoke<"nothing">(to);
}

void local_invoke(State& state) {
  Node& node = world().caller();
  world().run(echo(state, node, node.instance_id()));
}

void local_invoke_of_nothing(State& state) {
  Node& node = world().caller();
  world().run(call_nothing(state, node, node.instance_id()));
}

/// Both sides in this process, so what is counted is that of both.
void invoke_over_redis(State& state) {
  world().run(echo(state, world().caller(), world().handler().instance_id()));
}

BENCHMARK(local_invoke)->Apply(payload_sizes);
BENCHMARK(local_invoke_of_nothing);
BENCHMARK(invoke_over_redis)->Apply(payload_sizes)->UseRealTime();

}  // namespace
}  // namespace mesh::bench
