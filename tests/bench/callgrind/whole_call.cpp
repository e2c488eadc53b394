// One side of a call, for callgrind: see run.sh. Redis is found through MESH_REDIS_URL.

#include <chrono>
#include <csignal>
#include <cstddef>
#include <exception>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mesh/mesh.hpp>

namespace asio = boost::asio;

namespace {

/// A text with a codec of its own.
struct Plain {
  std::string text;
};

}  // namespace

template <>
struct mesh::Codec<Plain> {
  static void encode(const Plain& plain, std::string& out) {
    out.reserve(out.size() + plain.text.size() + 3);  // with the brace that ends a response
    out.append("\"").append(plain.text).append("\"");
  }
  static Plain decode(std::string_view json) {
    if (json.size() < 2 || json.front() != '"') throw std::invalid_argument("not a text");
    return {std::string(json.substr(1, json.size() - 2))};
  }
};

namespace {

using namespace std::chrono_literals;
using Messages = mesh::MessageMap<mesh::Message<"echo", std::string, std::string>,
                                  mesh::Message<"own", Plain, Plain>>;
using Node = mesh::MeshService<Messages>;

// Nothing may happen at intervals: it would depend on the speed of the machine how often.
mesh::MeshOptions quiet_options() {
  mesh::MeshOptions options;
  options.redis.prefix = "callgrind";
  options.redis.mutex_prefix = "callgrind";
  options.redis.connect_timeout = 2min;
  options.redis.health_check_interval = 10h;
  options.heartbeat_interval = 10h;
  options.node_ttl = 30h;
  options.request_timeout = 10h;
  options.leader.ttl = 30h;
  options.leader.renewal_interval = 10h;
  options.leader.retry_delay = 10h;
  return options;
}

asio::awaitable<void> answer() {
  asio::signal_set signals(co_await asio::this_coro::executor, SIGTERM);
  Node node{co_await asio::this_coro::executor, "calls", quiet_options()};
  node.register_handler<"echo">([](std::string text) { return text; });
  node.register_handler<"own">([](Plain plain) { return plain; });
  co_await node.start();
  std::cout << "id=" << node.instance_id() << std::endl;
  co_await signals.async_wait(asio::use_awaitable);
  co_await node.stop();
}

asio::awaitable<void> call_repeatedly(Node& node, mesh::InstanceId target, std::size_t count) {
  const std::string text(64, 'x');
  for (std::size_t i = 0; i < count; ++i) {
    const std::string answered = co_await node.invoke<"echo">(target, text);
    if (answered != text) throw std::runtime_error("another text came back");
  }
}

asio::awaitable<void> call_own_repeatedly(Node& node, mesh::InstanceId target, std::size_t count) {
  const Plain plain{std::string(64, 'x')};
  for (std::size_t i = 0; i < count; ++i) {
    const Plain answered = co_await node.invoke<"own">(target, plain);
    if (answered.text != plain.text) throw std::runtime_error("another text came back");
  }
}

asio::awaitable<void> call_any_repeatedly(Node& node, mesh::Route route, std::size_t count) {
  const std::string text(64, 'x');
  mesh::AnyOptions options;
  options.route = route;
  options.skip_self = true;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string answered = co_await node.invoke_any<"echo">(text, options);
    if (answered != text) throw std::runtime_error("another text came back");
  }
}

struct Load {
  mesh::InstanceId target = 0;
  std::size_t count = 1000;
  std::size_t in_flight = 1;
  bool own_codec = false;
  std::optional<mesh::Route> route{};
};

asio::awaitable<void> share_of(const Load& load, Node& node) {
  const std::size_t share = load.count / load.in_flight;
  if (load.route) return call_any_repeatedly(node, *load.route, share);
  if (load.own_codec) return call_own_repeatedly(node, load.target, share);
  return call_repeatedly(node, load.target, share);
}

asio::awaitable<void> call(Load load) {
  const auto executor = co_await asio::this_coro::executor;
  Node node{executor, "calls", quiet_options()};
  co_await node.start();
  asio::steady_timer all_done(executor, asio::steady_timer::time_point::max());
  std::size_t running = load.in_flight;
  for (std::size_t i = 0; i < load.in_flight; ++i) {
    asio::co_spawn(executor, share_of(load, node),
                   [&running, &all_done](const std::exception_ptr& error) {
                     if (error) std::rethrow_exception(error);
                     if (--running == 0) all_done.cancel();
                   });
  }
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await all_done.async_wait(token);
  co_await node.stop();
}

void run(asio::awaitable<void> body) {
  asio::io_context context(1);
  asio::co_spawn(context, std::move(body), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
  context.run();
}

}  // namespace

int main(int argc, char** argv) try {
  Load load;
  CLI::App app{"One of the two nodes of a call with a payload of 64 bytes."};
  app.require_subcommand(1);
  CLI::App* const handler = app.add_subcommand("handler", "Prints its id; SIGTERM ends it");
  CLI::App* const caller = app.add_subcommand("caller", "Calls it");
  caller->add_option("ID", load.target, "Of the handler's node")->required();
  caller->add_option("COUNT", load.count, "How many calls")->capture_default_str();
  caller->add_option("--in-flight", load.in_flight, "How many at a time")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  caller->add_flag("--own-codec", load.own_codec, "With a codec of its own, not nlohmann_json's");
  const std::map<std::string, mesh::Route> routes{{"round_robin", mesh::Route::round_robin()},
                                                  {"least_pending", mesh::Route::least_pending()},
                                                  {"random", mesh::Route::random()},
                                                  {"by_key", mesh::Route::by_key("user:7")}};
  std::string route;
  caller->add_option("--any", route, "By invoke_any() with this route, whatever ID is")
      ->check(CLI::IsMember(routes));
  CLI11_PARSE(app, argc, argv);

  if (!route.empty()) load.route = routes.at(route);
  run(handler->parsed() ? answer() : call(load));
  return 0;
} catch (const std::exception& error) {
  std::cerr << "mesh_callgrind_node: " << error.what() << '\n';
  return 1;
}
